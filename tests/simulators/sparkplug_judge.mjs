// Prints every Sparkplug message of a broker as sparkplug-payload, the reference implementation, reads it.
// Usage: node sparkplug_judge.mjs PORT
import { createRequire } from "node:module";

const require = createRequire(new URL("../peers/", import.meta.url));
const mqtt = require("mqtt");
const { decodePayload } = require("sparkplug-payload").get("spBv1.0");

const client = mqtt.connect(`mqtt://127.0.0.1:${process.argv[2]}`);
client.subscribe("spBv1.0/#", () => console.log("listening"));
client.on("message", (topic, bytes) => {
  const [, , kind, , device] = topic.split("/");
  if (kind === "NCMD" || topic.includes("/STATE/")) return;
  const { seq, metrics } = decodePayload(bytes);
  // It leaves 64-bit integers unsigned whatever their type says; the type decides, as it does for a host.
  for (const metric of metrics) {
    if (metric.type === "Int64" && metric.value.toSigned) metric.value = metric.value.toSigned();
  }
  const plain = (_, value) => (value && value.low !== undefined && value.toNumber ? value.toNumber() : value);
  console.log(JSON.stringify({ kind, device, seq, metrics }, plain));
});
