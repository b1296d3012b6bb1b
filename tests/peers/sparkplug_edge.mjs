// A Sparkplug B edge node made with sparkplug-client (Eclipse Tahu), under a test's control.
//
//   node sparkplug_edge.mjs PORT [OPTIONS]
//
// OPTIONS is JSON: {"simulated": true} marks the node as a simulator, {"without": ["name"]} leaves
// metrics out of the births. Node G/edge has the metric `temperature`, its device `press` those below.
// Births go out on connecting and on request, which is printed as "rebirth".
// Commands come as JSON on the topic `control`, {"op": …}; each is printed when done:
//   data    {device?, metrics, time?}  NDATA or DDATA; a metric's "long" is a 64-bit value as text
//   death   {device}                   DDEATH
//   birth   {}                         all births again, unasked
//   skip    {}                         use up one sequence number, as a lost message does
//   raw     {topic, hex, retain?}      publish these bytes
//   stop    {}                         NDEATH, then disconnect
//   vanish  {}                         end at once, so that the broker publishes the will
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const sparkplug = require("sparkplug-client"), mqtt = require("mqtt"), Long = require("long");
const [port, text] = process.argv.slice(2);
const options = JSON.parse(text ?? "{}");
const url = `mqtt://127.0.0.1:${port}`;
const kept = (metrics) => metrics.filter((m) => !(options.without ?? []).includes(m.name));
const long = (m) => ("long" in m ? { ...m, value: Long.fromString(m.long, m.type.startsWith("U")) } : m);

const nodeMetrics = () => [
    { name: "Node Control/Rebirth", type: "Boolean", value: false },
    ...(options.simulated ? [{ name: "Node Info/Simulated", type: "Boolean", value: true }] : []),
    { name: "temperature", alias: 1, type: "Float", value: 20.5 },
];
const deviceMetrics = () => [
    { name: "force", alias: 10, type: "Double", value: 0 },
    { name: "state", alias: 11, type: "Int32", value: -5 },
    { name: "small", alias: 12, type: "Int8", value: -7 },
    { name: "parts", alias: 13, type: "UInt64", value: Long.fromString("18446744073709551615", true) },
    { name: "total", alias: 14, type: "Int64", value: Long.fromString("-9007199254740993") },
    { name: "on", alias: 15, type: "Boolean", value: true },
    { name: "program", alias: 16, type: "String", value: "拉深" },
    { name: "since", alias: 17, type: "DateTime", value: 1700000000123 },
    { name: "unknown", alias: 18, type: "Double", value: null },
    { name: "doubtful", alias: 19, type: "Double", value: 1, properties: { Quality: { type: "Int32", value: 0 } } },
    { name: "rated", type: "Double", value: 9, properties: { simulated: { type: "Boolean", value: true } } },
    { name: "table", alias: 21, type: "DataSet",
      value: { numOfColumns: 1, types: ["Int32"], columns: ["a"], rows: [[1]] } },
];

const edge = sparkplug.newClient({
    serverUrl: url, username: "", password: "", groupId: "G", edgeNode: "edge", clientId: `edge-${process.pid}`,
    publishDeath: true, mqttOptions: { reconnectPeriod: 200 },
});
const births = () => {
    edge.publishNodeBirth({ timestamp: Date.now(), metrics: kept(nodeMetrics()) });
    edge.publishDeviceBirth("press", { timestamp: Date.now(), metrics: kept(deviceMetrics()) });
};
edge.on("birth", births);
edge.on("ncmd", (payload) => {
    if (!payload.metrics.some((m) => m.name === "Node Control/Rebirth" && m.value === true)) return;
    console.log("rebirth");
    births();
});
edge.on("error", (error) => console.log(`error ${error}`));

const operations = {
    data({ device, metrics, time }) {
        const payload = { timestamp: time ?? Date.now(), metrics: metrics.map(long) };
        device ? edge.publishDeviceData(device, payload) : edge.publishNodeData(payload);
    },
    death: ({ device }) => edge.publishDeviceDeath(device, { timestamp: Date.now(), metrics: [] }),
    birth: births,
    skip: () => edge.incrementSeqNum(),
    raw: ({ topic, hex, retain }) => edge.client.publish(topic, Buffer.from(hex, "hex"), { retain: retain ?? false }),
    stop: () => edge.stop(),
    vanish: () => process.exit(0),
};
const control = mqtt.connect(url, { reconnectPeriod: 200 });
control.on("connect", () => control.subscribe("control", () => console.log("ready")));
control.on("error", () => {});
control.on("message", (_topic, message) => {
    const command = JSON.parse(message.toString());
    operations[command.op](command);
    console.log(`did ${command.op}`);
});
