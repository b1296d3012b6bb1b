// A vehicle made with vda-5050-lib (its AGV client, VDA 5050 2.0), under a test's control.
//
//   node vda5050_vehicle.mjs PORT MANUFACTURER SERIAL
//
// Commands come as JSON on the topic `control`, {"op": …}; each is printed when done:
//   state          {…}   publish the state, with these properties changed
//   visualization  {…}   publish a visualization with these properties
//   stop           {}    say OFFLINE and disconnect
//   vanish         {}    end at once, so that the broker publishes the will
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { AgvClient, Topic } = require("vda-5050-lib"), mqtt = require("mqtt");
const [port, manufacturer, serialNumber] = process.argv.slice(2);
const brokerUrl = `mqtt://127.0.0.1:${port}`;

const vehicle = new AgvClient({ manufacturer, serialNumber }, {
    interfaceName: "uagv", vdaVersion: "2.0.0", transport: { brokerUrl, heartbeat: 5 },
});
let state = {
    orderId: "order-1", orderUpdateId: 0, lastNodeId: "n1", lastNodeSequenceId: 0, nodeStates: [], edgeStates: [],
    driving: true, paused: false, actionStates: [], batteryState: { batteryCharge: 80.5, charging: false },
    operatingMode: "AUTOMATIC", errors: [], safetyState: { eStop: "NONE", fieldViolation: false },
    agvPosition: { x: 1.5, y: 2.5, theta: 0.5, mapId: "hall", positionInitialized: true },
};
const operations = {
    state: async (change) => { state = { ...state, ...change }; await vehicle.publish(Topic.State, state); },
    visualization: async (change) => { await vehicle.publish(Topic.Visualization, change); },
    stop: async () => { await vehicle.stop(); },
    vanish: async () => process.exit(0),
};
await vehicle.start();
const control = mqtt.connect(brokerUrl);
control.on("connect", () => control.subscribe("control", () => console.log("ready")));
control.on("error", () => {});
control.on("message", async (_topic, message) => {
    const { op, ...rest } = JSON.parse(message.toString());
    await operations[op](rest);
    console.log(`did ${op}`);
});
