// The other side of our vehicles and of their manager, made with vda-5050-lib (VDA 5050 2.0).
//
//   node agv_judge.mjs listen PORT COUNT    judge every message on uagv/v2 by the library's validators, until
//                                           COUNT of each kind have come; prints {kind: [good, [faults]]}
//   node agv_judge.mjs drive PORT SERIAL    drive one vehicle with the library's fleet controller, and print
//                                           what it said: {traversed, actions, processed, factsheet, refused}
//
// Version 2.1 adds to 2.0 and takes nothing away, so a 2.1 message is judged as if it said 2.0.0.
import { createRequire } from "node:module";

const require = createRequire(new URL("../peers/", import.meta.url));
const { BlockingType, MasterController, Topic } = require("vda-5050-lib"), mqtt = require("mqtt");
const { Client } = require("vda-5050-lib/common/client.js");
const [role, port, argument] = process.argv.slice(2);
const brokerUrl = `mqtt://127.0.0.1:${port}`;
const options = { interfaceName: "uagv", vdaVersion: "2.0.0", transport: { brokerUrl, heartbeat: 5 } };

const validate = Client.prototype.validateTopicObject;
Client.prototype.validateTopicObject = function (topic, object, version) {
  const older = object.version === "2.1.0" ? { ...object, version: "2.0.0" } : object;
  return validate.call(this, topic, older, version);
};

async function listen(count) {
  const kinds = [Topic.Order, Topic.State, Topic.Visualization, Topic.Connection, Topic.Factsheet];
  const judged = Object.fromEntries(kinds.map((kind) => [kind, [0, []]]));
  const client = mqtt.connect(brokerUrl), judge = { _extensionTopics: new Map() };
  client.on("connect", () => client.subscribe("uagv/v2/#", () => console.log("listening")));
  // A factsheet is sent to who asks for it only.
  const ask = ({ manufacturer, serialNumber }) => client.publish(
    `uagv/v2/${manufacturer}/${serialNumber}/instantActions`, JSON.stringify({
      headerId: 0, timestamp: new Date().toISOString(), version: "2.1.0", manufacturer, serialNumber,
      actions: [{ actionType: "factsheetRequest", actionId: "ask-1", blockingType: "NONE", actionParameters: [] }],
    }));
  client.on("message", (topic, payload) => {
    const kind = topic.split("/").at(-1), object = JSON.parse(payload.toString());
    if (!kinds.includes(kind)) return;
    if (object.connectionState === "ONLINE") ask(object);
    try {
      Client.prototype.validateTopicObject.call(judge, kind, object, "2.0.0");
      judged[kind][0]++;
    } catch (error) {
      judged[kind][1].push(error.message);
    }
    const enough = { [Topic.Connection]: 2, [Topic.Factsheet]: 2 };
    if (kinds.every((k) => judged[k][0] + judged[k][1].length >= (enough[k] ?? count))) {
      console.log(JSON.stringify(judged));
      process.exit(0);
    }
  });
}

const node = (nodeId, sequenceId, released, x, y, kind) => ({
  nodeId, sequenceId, released, nodePosition: { x, y, mapId: "hall" },
  actions: kind ? [{ actionId: `${kind}-${sequenceId}`, actionType: kind, blockingType: BlockingType.Hard }] : [],
});
const edge = (sequenceId, released, startNodeId, endNodeId) => ({
  edgeId: `${startNodeId}-${endNodeId}`, sequenceId, released, startNodeId, endNodeId, actions: [],
});

async function drive(serialNumber) {
  const agv = { manufacturer: "provenline-sim", serialNumber };
  const master = new MasterController(options, {});
  await master.start();
  await new Promise((resolve) => master.trackAgvs((id, state) => {
    if (id.serialNumber === serialNumber && state === "ONLINE") resolve();
  }));
  const said = { traversed: [], actions: [] };
  let base;
  const assign = (order, more = () => {}) => new Promise((resolve, reject) => {
    master.assignOrder(agv, order, {
      onNodeTraversed: (passed) => said.traversed.push(passed.nodeId),
      onActionStateChanged: (action) => said.actions.push(`${action.actionId} ${action.actionStatus}`),
      onOrderProcessed: (error, byCancelation, active) => {
        if (!active) resolve(error ? error.errorType : byCancelation ? "canceled" : "done");
        else more();
      },
    }).then((sent) => { base = sent; }).catch(reject);
  });
  const instant = (actionType) => new Promise((resolve, reject) => {
    master.initiateInstantActions(agv, {
      instantActions: [{ actionId: `at-once-${actionType}`, actionType, blockingType: BlockingType.None }],
    }, {
      onActionStateChanged: (state, error) => {
        if (["FINISHED", "FAILED"].includes(state.actionStatus)) resolve(state.actionStatus);
      },
      onActionError: (error) => reject(new Error(error.errorDescription)),
    }).catch(reject);
  });
  const update = () => assign({
    orderId: "A", orderUpdateId: 1,
    nodes: [node("W-3", 2, true, 6, 24), node("W-2", 4, true, 6, 18, "drop")],
    edges: [edge(3, true, "W-3", "W-2")],
  });
  let updated;
  const first = assign({
    orderId: "A", orderUpdateId: 0,
    nodes: [node("C0", 0, true, 2, 27), node("W-3", 2, true, 6, 24), node("W-2", 4, false, 6, 18, "drop")],
    edges: [edge(1, true, "C0", "W-3"), edge(3, false, "W-3", "W-2")],
  }, () => { updated ??= update(); });
  while (!updated) await Promise.race([first, new Promise((resolve) => setTimeout(resolve, 50))]);
  said.processed = await updated;
  said.factsheet = await new Promise((resolve) => {
    master.subscribe(Topic.Factsheet, agv, (sheet) => resolve(sheet.typeSpecification.agvClass)).then(() =>
      instant("factsheetRequest"));
  });
  said.refused = await assign({
    orderId: "B", orderUpdateId: 0, nodes: [node("N5", 0, true, 36, 30)], edges: [],
  });
  console.log(JSON.stringify(said));
  process.exit(0);
}

await (role === "listen" ? listen(Number(argument)) : drive(argument));
