// A Modbus device made with modbus-serial, under a test's control.
//
//   node modbus_server.mjs tcp PORT [RULES]        Modbus TCP
//   node modbus_server.mjs serial DEVICE [RULES]   RTU on a (pseudo) terminal
//
// RULES is JSON:
//   silent: [units]                       never answer
//   refuse: {"unit/address": code}        exception `code` when the address is read
//   vendor: {"unit": "name"}              answers 43/14; other units refuse it as an unknown function
//   most: n                               exception 3 when more than n registers are read at once
//   log: true                             print one line a read: "read FC UNIT ADDRESS COUNT"
//   counting: address, from: n            this holding register goes up by one at each read, and says "gave N"
//
// Every unit has its own 65536 holding registers and coils, all zero, writable with functions
// 5, 6, 15 and 16; input registers show the holding registers, discrete inputs the coils.
// Writing a unit's coil 60000 to 1 makes its reads silent, to 0 answered again; writes always are.
import { createRequire } from "node:module";

const { ServerTCP, ServerSerial } = createRequire(import.meta.url)("modbus-serial");
const [kind, place, text] = process.argv.slice(2);
const rules = JSON.parse(text ?? "{}");
const SLEEP = 60000;
const silent = new Set(rules.silent ?? []);
const registers = new Map(), coils = new Map();
const of = (map, unit) => map.get(unit) ?? map.set(unit, new Uint16Array(65536)).get(unit);
let next = rules.from ?? 0;
const never = new Promise(() => {});
const refuse = (code) => Promise.reject({ modbusErrorCode: code });

function read(map, fc, unit, address, count) {
    if (rules.log) console.log(`read ${fc} ${unit} ${address} ${count}`);
    if (silent.has(unit)) return never;
    if (fc === 3 && address === rules.counting) {
        console.log(`gave ${next}`);
        of(map, unit)[address] = next++;
    }
    if (rules.most && count > rules.most) return refuse(3);
    for (let i = address; i < address + count; i++) {
        const code = rules.refuse?.[`${unit}/${i}`];
        if (code) return refuse(code);
    }
    return of(map, unit)[address];
}

// modbus-serial asks register by register and keeps the first error, which is all that is needed here.
const one = (map, fc) => (address, unit) => read(map, fc, unit, address, 1);
const many = (map, fc) => (address, count, unit) => {
    const first = read(map, fc, unit, address, count);
    if (typeof first === "object") return Array.from({ length: count }, () => first);
    return Array.from(of(map, unit).subarray(address, address + count));
};
const vector = {
    getCoil: one(coils, 1),
    getDiscreteInput: one(coils, 2),
    getHoldingRegister: one(registers, 3),
    getMultipleHoldingRegisters: many(registers, 3),
    getInputRegister: one(registers, 4),
    getMultipleInputRegisters: many(registers, 4),
    setRegister: (address, value, unit) => { of(registers, unit)[address] = value; },
    setCoil: (address, value, unit) => {
        if (address === SLEEP) value ? silent.add(unit) : silent.delete(unit);
        else of(coils, unit)[address] = value ? 1 : 0;
    },
    readDeviceIdentification: (unit) => {
        if (rules.log) console.log(`identify ${unit}`);
        const vendor = rules.vendor?.[unit];
        return vendor ? { 0x00: vendor, 0x01: "test device", 0x02: "1.0" } : refuse(1);
    },
};

if (kind === "tcp") {
    const server = new ServerTCP(vector, { host: "127.0.0.1", port: Number(place), debug: false });
    server.on("serverError", (error) => { console.error(String(error)); process.exit(1); });
    server.on("socketError", () => {});
    server.on("initialized", () => console.log("ready"));
} else {
    const server = new ServerSerial(vector, { path: place, baudRate: 19200, debug: false, interval: 5 },
        { path: place, baudRate: 19200 });
    server.on("error", (error) => { console.error(String(error)); process.exit(1); });
    server.on("initialized", () => console.log("ready"));
}
