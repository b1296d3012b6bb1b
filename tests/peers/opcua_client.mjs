// A client made with node-opcua, which judges our OPC UA servers.
//
//   node opcua_client.mjs '{"endpoint": "opc.tcp://127.0.0.1:4840", "nodes": ["ns=2;s=Press.Status.StateCurrent"], "watch": 0}'
//
// Prints one JSON line: the server's application URI, every browse path below Objects in namespaces
// above 1, each node read (value, status, source timestamp), and what a subscription to the nodes
// delivered in `watch` milliseconds. `secured: {mode, user, password, pki}` asks for Basic256Sha256.
import * as opcua from "node-opcua";

const { AttributeIds, ClientMonitoredItem, NodeClass, TimestampsToReturn } = opcua;
const { endpoint, nodes = [], watch = 0, secured } = JSON.parse(process.argv[2]);
const client = opcua.OPCUAClient.create({
  endpointMustExist: false,
  connectionStrategy: { maxRetry: 2 },
  ...(secured && {
    securityMode: opcua.MessageSecurityMode[secured.mode],
    securityPolicy: opcua.SecurityPolicy.Basic256Sha256,
    clientCertificateManager: new opcua.OPCUACertificateManager({
      rootFolder: secured.pki,
      automaticallyAcceptUnknownCertificate: true,
    }),
  }),
});
const identity = secured?.user && {
  type: opcua.UserTokenType.UserName,
  userName: secured.user,
  password: secured.password,
};

const plain = (dataValue) => ({
  value: dataValue.value?.value ?? null,
  type: opcua.DataType[dataValue.value?.dataType ?? 0],
  status: dataValue.statusCode.value,
  time: dataValue.sourceTimestamp?.toISOString() ?? null,
});

async function browse(session, node, above) {
  const { references } = await session.browse({
    nodeId: node,
    referenceTypeId: "HierarchicalReferences",
    includeSubtypes: true,
    browseDirection: opcua.BrowseDirection.Forward,
    resultMask: 63,
  });
  const found = [];
  for (const reference of references.filter((r) => r.browseName.namespaceIndex > 1)) {
    const path = `${above}/${reference.browseName.namespaceIndex}:${reference.browseName.name}`;
    found.push({ path, node: reference.nodeId.toString(), variable: reference.nodeClass === NodeClass.Variable });
    found.push(...(await browse(session, reference.nodeId, path)));
  }
  return found;
}

async function follow(session) {
  const subscription = await session.createSubscription2({
    requestedPublishingInterval: 50,
    requestedMaxKeepAliveCount: 20,
    requestedLifetimeCount: 200,
    publishingEnabled: true,
  });
  const seen = [];
  for (const nodeId of nodes) {
    const item = ClientMonitoredItem.create(
      subscription,
      { nodeId, attributeId: AttributeIds.Value },
      { samplingInterval: 0, queueSize: 1000, discardOldest: true },
      TimestampsToReturn.Both,
    );
    item.on("changed", (dataValue) => seen.push({ node: nodeId, ...plain(dataValue) }));
  }
  await new Promise((resolve) => setTimeout(resolve, watch));
  await subscription.terminate();
  return seen;
}

await client.connect(endpoint);
const session = await client.createSession(identity);
const endpoints = await client.getEndpoints();
const tree = await browse(session, "ObjectsFolder", "");
const read = await session.read(nodes.map((nodeId) => ({ nodeId, attributeId: AttributeIds.Value })));
const changes = watch ? await follow(session) : [];
await session.close();
await client.disconnect();
console.log(
  JSON.stringify({
    uri: endpoints[0].server.applicationUri,
    tree,
    read: Object.fromEntries(nodes.map((node, i) => [node, plain(read[i])])),
    changes,
  }),
);
