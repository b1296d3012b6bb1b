// A node-opcua server that a test controls over HTTP on loopback.
//
//   node opcua_server.mjs '{"port": 4840, "control": 8080, "pki": "/tmp/x", ...}'
//
// Says READY when both ports listen. POST /set {"name", "value", "status", "time"} writes a variable;
// POST /burst {"name", "values"} writes several values in one go; POST /close ends every session from the server's side.
import http from "node:http";
import * as opcua from "node-opcua";

const { DataType, MessageSecurityMode, SecurityPolicy, StatusCodes, Variant, VariantArrayType } = opcua;
const options = {
  uri: "urn:peer:press",
  itemsPerCall: 10_000,
  nodesPerRead: 5_000,
  nodesPerBrowse: 5_000,
  many: 0,
  hertz: 0,
  anonymous: true,
  users: {},
  trust: true,
  ...JSON.parse(process.argv[2]),
};

const manager = new opcua.OPCUACertificateManager({
  automaticallyAcceptUnknownCertificate: options.trust,
  rootFolder: `${options.pki}/server`,
});
const userManager = new opcua.OPCUACertificateManager({
  automaticallyAcceptUnknownCertificate: true,
  rootFolder: `${options.pki}/users`,
});
const server = new opcua.OPCUAServer({
  port: options.port,
  hostname: "127.0.0.1",
  host: "127.0.0.1",
  resourcePath: "/",
  serverInfo: { applicationUri: options.uri },
  ...(options.certificate ? { certificateFile: options.certificate, privateKeyFile: options.key } : {}),
  allowAnonymous: options.anonymous,
  userManager: { isValidUser: (name, password) => options.users[name] === password },
  securityModes: [MessageSecurityMode.None, MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt],
  securityPolicies: [SecurityPolicy.None, SecurityPolicy.Basic256Sha256],
  serverCertificateManager: manager,
  userCertificateManager: userManager,
  serverCapabilities: {
    maxMonitoredItems: 100_000,
    maxMonitoredItemsPerSubscription: 100_000,
    maxSessions: 100,
    operationLimits: {
      maxMonitoredItemsPerCall: options.itemsPerCall,
      maxNodesPerRead: options.nodesPerRead,
      maxNodesPerBrowse: options.nodesPerBrowse,
    },
  },
});
await server.initialize();

const space = server.engine.addressSpace;
const own = space.registerNamespace("urn:peer:plant"); // becomes namespace index 2
const variables = new Map();

function variable(parent, name, dataType, value, more = {}) {
  const node = own.addVariable({
    componentOf: parent,
    browseName: name,
    nodeId: `s=${parent.browseName.name}.${name}`,
    dataType,
    minimumSamplingInterval: 10,
    value: new Variant({ dataType, arrayType: VariantArrayType.Scalar, value }),
    ...more,
  });
  variables.set(`${parent.browseName.name}.${name}`, { node, dataType });
}

const line = own.addObject({ organizedBy: space.rootFolder.objects, browseName: "Line" });
const press = own.addObject({ componentOf: line, browseName: "Press", nodeId: "s=Press" });
const oven = own.addObject({ componentOf: line, browseName: "Oven", nodeId: "s=Oven" });
variable(press, "State", DataType.Int32, 6);
variable(press, "Count", DataType.Int64, [0, 0], { minimumSamplingInterval: 0 }); // changes are reported, not sampled
variable(press, "Huge", DataType.UInt64, [0xffffffff, 0xffffffff]);
variable(press, "Force", DataType.Double, 0);
variable(press, "Single", DataType.Float, 0.5);
variable(press, "Guard", DataType.Boolean, true);
variable(press, "Job", DataType.String, "J-1");
variable(press, "Note", DataType.LocalizedText, { text: "正常", locale: "zh" });
variable(press, "Started", DataType.DateTime, new Date("2026-01-02T03:04:05.678Z"));
variable(press, "Curve", DataType.Double, new Float64Array([1, 2, 3]), {
  valueRank: 1,
  value: new Variant({ dataType: DataType.Double, arrayType: VariantArrayType.Array, value: new Float64Array([1, 2, 3]) }),
});
variable(oven, "State", DataType.Int32, 4);
const temperature = own.addAnalogDataItem({
  componentOf: oven,
  browseName: "Temperature",
  nodeId: "s=Oven.Temperature",
  dataType: DataType.Double,
  engineeringUnitsRange: { low: 0, high: 400 },
  instrumentRange: { low: 0, high: 400 },
  engineeringUnits: opcua.standardUnits.degree_celsius,
  minimumSamplingInterval: 10,
  value: new Variant({ dataType: DataType.Double, value: 20 }),
});
variables.set("Oven.Temperature", { node: temperature, dataType: DataType.Double });

const many = [];
const store = own.addObject({ organizedBy: space.rootFolder.objects, browseName: "Many", nodeId: "s=Many" });
for (let i = 0; i < options.many; i++) {
  variable(store, `v${i}`, DataType.Double, i);
  many.push(variables.get(`Many.v${i}`).node);
}
if (options.hertz > 0) {
  let beat = 0;
  setInterval(() => {
    beat += 1;
    for (const node of many) node.setValueFromSource({ dataType: DataType.Double, value: beat });
  }, 1000 / options.hertz);
}

function set({ name, value, status = "Good", time }) {
  const { node, dataType } = variables.get(name);
  const variant = value === null ? new Variant({ dataType: DataType.Null }) : new Variant({ dataType, arrayType: VariantArrayType.Scalar, value });
  node.setValueFromSource(variant, StatusCodes[status], time ? new Date(time) : new Date());
}

async function control(path, body) {
  if (path === "/set") set(body);
  else if (path === "/burst") {
    for (const value of body.values) {
      set({ name: body.name, value });
      await new Promise((done) => setTimeout(done, body.pause ?? 0));
    }
  } else if (path === "/close") {
    for (const session of Object.values(server.engine._sessions ?? {})) {
      server.engine.closeSession(session.authenticationToken, true, "Terminated");
    }
  } else if (path === "/sessions") return server.engine.currentSessionCount;
  else throw new Error(`no such command: ${path}`);
  return null;
}

const commands = http.createServer((request, response) => {
  let text = "";
  request.on("data", (part) => (text += part));
  request.on("end", () =>
    control(request.url, JSON.parse(text || "null")).then(
      (result) => response.end(JSON.stringify(result)),
      (error) => {
        response.statusCode = 500;
        response.end(String(error?.stack ?? error));
      },
    ),
  );
});

await server.start();
commands.listen(options.control, "127.0.0.1", () => console.log("READY"));
process.on("SIGTERM", () => process.exit(0));
