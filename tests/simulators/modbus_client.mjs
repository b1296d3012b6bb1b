// A client made with modbus-serial, which judges our Modbus server.
//
//   node modbus_client.mjs '{"port": 5020, "reads": [{"unit": 1, "table": "holding", "at": 0, "count": 4}]}'
//
// Prints one JSON line: for each read its registers or bits, or the exception's code; and unit 1's identification.
import { createRequire } from "node:module";

const ModbusRTU = createRequire(new URL("../peers/", import.meta.url))("modbus-serial");
const { port, reads } = JSON.parse(process.argv[2]);
const client = new ModbusRTU();
const methods = {
  holding: "readHoldingRegisters",
  input: "readInputRegisters",
  coil: "readCoils",
  discrete: "readDiscreteInputs",
};

await client.connectTCP("127.0.0.1", { port });
client.setTimeout(3000);
const answers = [];
for (const { unit, table, at, count } of reads) {
  client.setID(unit);
  try {
    answers.push({ data: (await client[methods[table]](at, count)).data.slice(0, count) });
  } catch (error) {
    answers.push({ exception: error.modbusCode ?? error.message });
  }
}
client.setID(1);
const identification = await client.readDeviceIdentification(1, 0);
await new Promise((resolve) => client.close(resolve));
console.log(JSON.stringify({ answers, vendor: identification.data[0] }));
