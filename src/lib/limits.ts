/** Every bound in one place: bytes unless the name says otherwise, times in milliseconds. */
export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;
export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;

export const LIMITS = {
  /** How long the OpenAPI 2.0 document is kept when nobody asks for it. */
  openApiV2KeepMs: MINUTE_MS,
  /** Connections to one extension server, and those of them that are kept idle; a watch has one. */
  extensionSockets: 2048,
  extensionIdleSockets: 32,
  /** Deadline of one look whether an extension server answers, and the time between two while it does. */
  extensionCheckMs: 5 * SECOND_MS,
  extensionRecheckMs: 30 * SECOND_MS,
  /** First and longest pause before one that does not is looked at again. */
  extensionRetryMs: 100,
  extensionRetryMaxMs: 5 * SECOND_MS,
  /** Largest discovery document of an extension server. */
  extensionDocumentBytes: 4 * MIB,
  /** Most that a node says at once about what its pods use. */
  nodeStatsBytes: 16 * MIB,
  /** Longest tag of a proxied page whose links are rewritten. */
  htmlTagBytes: 64 * KIB,
  /** Longest a connection to another server may take to be made. */
  relayConnectMs: 10 * SECOND_MS,
  /** Requests served at once over all priority levels but the exempt, as upstream. */
  fairnessSeats: 600,
  /** Longest a request waits for a seat of its level. */
  fairnessWaitMs: 15 * SECOND_MS,
  /** Most seats one request takes. */
  fairnessWidth: 10,
  /** Largest request body; upstream's limit is 3 MiB. */
  requestBodyBytes: 3 * MIB,
  /** Largest encoded object the store takes. */
  objectBytes: 2 * MIB,
  /** Deepest nesting of a decoded body. */
  nesting: 64,
  /** Most alias expansions in one YAML document. */
  yamlAliases: 100,
  /** Most fields that a version of a CRD lets objects be selected by, as upstream. */
  selectableFields: 8,
  /** Most bytes of stored objects that a conversion webhook is sent at once, but for one that is larger. */
  conversionBytes: 2 * MIB,
  /** Longest a conversion webhook may take, in seconds: upstream's. */
  conversionSeconds: 30,
  /** Most steps that the patterns of a CRD may take for one object: some 20 ns each at the worst, most far less. */
  patternSteps: 100_000_000,
  /** Most values that a JSONPath finds. */
  jsonPathValues: 10_000,
  /** Most errors that a CRD's schema reports of one object. */
  schemaFaults: 1000,
  /** Most operations in one JSON patch, as upstream. */
  jsonPatchOperations: 10_000,
  /** Most combinations of verb, group, resource and name that a check for escalation looks through. */
  rbacAtoms: 20_000,
  /** Most pairs of group and resource of one rule that are looked up by a key each. */
  rbacKeys: 1000,
  /** Most owners of fields by update in one object, as upstream: the oldest are taken together. */
  managedFieldsUpdates: 10,
  /** Longest name of a field manager, in bytes, as upstream. */
  fieldManagerBytes: 128,
  /** Longest bearer token that is looked at. */
  tokenCharacters: 16 * KIB,
  /** Service account tokens whose signature is remembered. */
  verifiedTokens: 4096,
  /** Keys of earlier times whose signatures are accepted. */
  verificationKeys: 16,
  /** One document of a token issuer, how long it may take, and how soon it is asked for again. */
  issuerDocumentBytes: 512 * KIB,
  issuerFetchMs: 10 * SECOND_MS,
  issuerFetchPauseMs: 10 * SECOND_MS,
  /** Most issuers of tokens. */
  tokenIssuers: 64,
  /** Keys of one token issuer. */
  issuerKeys: 100,
  /** How long a webhook may take that says who calls or what they may, and how long its answers are good. */
  accessWebhookSeconds: 10,
  webhookTokenMs: 2 * MINUTE_MS,
  webhookAllowMs: 5 * MINUTE_MS,
  webhookDenyMs: 30 * SECOND_MS,
  /** Most of its answers that are remembered. */
  webhookAnswers: 4096,
  /** Audit events that wait to be written, and how many are written at once. */
  auditQueueEvents: 10_000,
  auditBatchEvents: 400,
  /** Largest body that is written into an audit event. */
  auditBodyBytes: MIB,
  /** Size from which the audit log goes on in a new file, and how many old ones are kept. */
  auditFileBytes: 100 * MIB,
  auditFiles: 10,
  /** Tries of one batch of audit events at a webhook, and the first pause between them. */
  auditTries: 4,
  auditRetryMs: SECOND_MS,
  /** Most requirements in one label or field selector. */
  selectorTerms: 1000,
  /** Deadline of one call to etcd. */
  storeCallMs: 10 * SECOND_MS,
  /** Longest a health check waits for the store. */
  storeCheckMs: 2 * SECOND_MS,
  /** Longest wait for one member of etcd before a read is asked of the next. */
  etcdMemberMs: 3 * SECOND_MS,
  /** Longest a connection to a member of etcd may take to be made. */
  etcdDialMs: 3 * SECOND_MS,
  /** Silence on a connection to etcd after which it is asked whether it lives (etcd refuses less than 5 s), and how long it has to answer. */
  etcdPingMs: 10 * SECOND_MS,
  etcdPingAnswerMs: 3 * SECOND_MS,
  /** First and longest pause before etcd is connected to, or a watch begun, again. */
  etcdRetryFirstMs: 50,
  etcdRetryLongestMs: 2 * SECOND_MS,
  /** How long a starting server waits for etcd. */
  etcdStartMs: 15 * SECOND_MS,
  /** How often etcd's history is compacted, and so how much of it is kept; upstream's value. */
  etcdCompactMs: 5 * MINUTE_MS,
  /** How long a silent leader keeps the others waiting, how long it tries to renew, how often; client-go's values. */
  electionLeaseMs: 15 * SECOND_MS,
  electionRenewMs: 10 * SECOND_MS,
  electionRetryMs: 2 * SECOND_MS,
  /** Longest a leader that ends takes to say so. */
  electionReleaseMs: 2 * SECOND_MS,
  /** Objects read from etcd at once. */
  etcdPageObjects: 500,
  /** How many of the things that are wrong with a store are told. */
  storeFaults: 100,
  /** Keys read from etcd at once, without their objects. */
  etcdIndexKeys: 10_000,
  /** Past events a server keeps from etcd, and their bytes; a watch from further back reads them from etcd. */
  etcdPastEvents: 4096,
  etcdPastBytes: 32 * MIB,
  /** Most commits that share one flush. */
  groupCommits: 256,
  /** Most events a watcher may be behind before it is dropped and must list again. */
  watchQueueEvents: 4096,
  /** How many past revisions are kept for watches and exact lists. */
  historyRevisions: 10_000,
  /** Most bytes kept of what a child process prints. */
  processOutputBytes: 4 * MIB,
  /** Default deadline of a child process. */
  processMs: 30 * SECOND_MS,
  /** Deadline of a non-watching API request. */
  requestMs: 60 * SECOND_MS,
  /** Longest a client may take to send its request headers. */
  requestHeaderMs: 15 * SECOND_MS,
  /** How often a write is made again from a fresh read after somebody else's came between. */
  conflictRetries: 16,
  /** How many objects of a collection are being deleted at once. */
  deleteCollectionParallel: 256,
  /** How many names are tried for one `generateName`. */
  generatedNameTries: 8,
  /** How many stored objects a selecting list reads at a time. */
  listPageObjects: 500,
  /** Most objects one list returns without a `limit`. */
  listObjects: 1_000_000,
  /** How often a watch that asked for bookmarks gets one. */
  watchBookmarkMs: MINUTE_MS,
  /** Most keys a work queue holds. */
  workQueueKeys: 1_000_000,
  /** First and longest pause before a failed key is tried again. */
  retryFirstMs: 10,
  retryLongestMs: 5 * MINUTE_MS,
  /** How long an event stays after its last write, upstream's default, and how often what is due is looked for. */
  eventLifeMs: 60 * MINUTE_MS,
  eventExpiryCheckMs: 10 * SECOND_MS,
  /** Owners that the garbage collector remembers to be gone; upstream's cache has 500. */
  goneOwners: 4096,
  /** Keys the garbage collector works on at once, as upstream. */
  garbageWorkers: 20,
  /** Longest the client of a cluster in a test waits for an object, unless it is told otherwise. */
  clusterWaitMs: 10 * SECOND_MS,
  /** First and longest pause before an informer lists again. */
  informerRetryFirstMs: 200,
  informerRetryLongestMs: 30 * SECOND_MS,
  /** Silence on a client's connection after which it is asked whether it lives, and how long it has to answer. */
  clientPingMs: 15 * SECOND_MS,
  /** How many objects an informer lists at a time. */
  informerPageObjects: 500,
  /** Longest line of a watch stream the client takes. */
  watchLineBytes: 8 * MIB,
  /** Largest manifest, index or image configuration. */
  imageDocumentBytes: 4 * MIB,
  /** Largest layer, compressed or not. */
  imageLayerBytes: 64 * GIB,
  /** Layers of one image. */
  imageLayers: 127,
  /** Entries of one layer. */
  imageLayerEntries: 2_000_000,
  /** A layer may always unpack to this much, and beyond it to so many times its compressed size. */
  imageBombBytes: 64 * MIB,
  imageBombRatio: 200,
  /** CPU seconds that unpacking one layer may take. */
  imageUnpackCpuSeconds: 1800,
  imageUnpackReportBytes: 16 * MIB,
  /** Layers of one image that are unpacked at once. */
  imageUnpackParallel: 3,
  /** Layers of one image that are downloaded at once. */
  imagePullParallel: 3,
  /** Tries of one request to a registry, and the first and longest wait between them. */
  imagePullTries: 6,
  imagePullBackoffMs: 500,
  imagePullBackoffMaxMs: 20 * SECOND_MS,
  /** Longest that a registry may send nothing. */
  imagePullIdleMs: 30 * SECOND_MS,
  imagePullRedirects: 5,
  /** Age at which a download that was never finished is thrown away. */
  imagePartialMs: 24 * 60 * MINUTE_MS,
  /** Deadline of making one block image. */
  imageBlockMs: 10 * MINUTE_MS,
  /** Most of a password or group file that is read. */
  imageUserFileBytes: MIB,
  /** Connections the API server holds at once; more are refused. */
  httpConnections: 4096,
  /** Concurrent requests on one HTTP/2 connection, as upstream has it. */
  httpStreamsPerConnection: 250,
  /** What one HTTP/2 connection may hold: a large answer on each of its streams. */
  httpConnectionBytes: GIB,
  /** All request headers together. */
  httpHeaderBytes: 64 * KIB,
  httpHeaderPairs: 200,
  /** Longest a connection may stay without a request. */
  httpIdleMs: 2 * MINUTE_MS,
  /** Longest a client may leave what was sent to it unread before it is cut off. */
  httpStallMs: 30 * SECOND_MS,
  /** Answers from this size on are compressed for clients that accept it. */
  gzipFromBytes: 128 * KIB,
  /** A watch without `timeoutSeconds` lasts this long, and up to twice as long so that not all end at once. */
  watchMs: 30 * MINUTE_MS,
  /** Time between bookmarks on a watch that asked for them. */
  bookmarkMs: MINUTE_MS,
  /** `Warning` headers of one answer. */
  warnings: 20,
  /** Longest a server that is closing waits for requests to end. */
  drainMs: 5 * SECOND_MS,
  /** Payload of one frame of an exec or attach stream. */
  frameBytes: 64 * KIB,
  /** Longest an exec, attach or port-forward stays open without a byte in either direction; upstream's value. */
  streamIdleMs: 4 * 60 * MINUTE_MS,
  /** Time between pings of a node tunnel; a node that has not answered one when the next is due is dropped. */
  tunnelPingMs: 15 * SECOND_MS,
  /** How often a server tries to tell the others that a node's tunnel ends here. */
  peerAnnounceMs: 500,
  /** Requests at once over one node's tunnel. */
  tunnelStreams: 1024,
  /** Longest a node may take to answer a request over its tunnel. */
  tunnelAnswerMs: 30 * SECOND_MS,
  /** Streams of one SPDY connection; a port-forward uses two per TCP connection. */
  spdyStreams: 256,
  /** Header block of one SPDY frame, unpacked. */
  spdyHeaderBytes: 16 * KIB,
  /** Bytes of one SPDY stream that may wait for their reader before the stream is reset. */
  spdyStreamBufferBytes: 1 * MIB,
  /** How long the agent takes an answer about a ConfigMap, Secret or Service for true. */
  podSourceFreshMs: 5 * SECOND_MS,
  /** How often volumes of ConfigMaps, Secrets and tokens are brought up to date in running pods. */
  volumeRefreshMs: 10 * SECOND_MS,
  /** Most such answers, and most tokens, the agent remembers. */
  podSourceEntries: 2048,
  /** Most bytes of a termination message, and of log taken in its place. */
  terminationMessageBytes: 4096,
  terminationLogBytes: 2048,
  /** Size from which a container's log goes on in a new file, how many files are kept, how often it is looked at. */
  logFileBytes: 10 * MIB,
  logFiles: 3,
  logCheckMs: 10 * SECOND_MS,
  /** First and longest wait before a crashed container starts again, and after how long a run is no crash. */
  crashBackoffMs: 10 * SECOND_MS,
  crashBackoffMaxMs: 5 * MINUTE_MS,
  crashForgivenMs: 10 * MINUTE_MS,
  /** First and longest wait after a step of the agent failed. */
  stepBackoffMs: 2 * SECOND_MS,
  stepBackoffMaxMs: 5 * MINUTE_MS,
  /** Deadline of one agent step but pulls and stops, which have their own. */
  agentStepMs: 2 * MINUTE_MS,
  imagePullMs: 30 * MINUTE_MS,
  /** Least time a container gets to end by itself. */
  minimumGraceMs: 2 * SECOND_MS,
  /** How long a status that only says what is being waited for may wait, so that a quick pod writes one status. */
  statusSettleMs: 150,
  /** How often the agent looks at a pod although nothing told it to. */
  podResyncMs: MINUTE_MS,
  nodeLeaseSeconds: 40,
  nodeHeartbeatMs: 10 * SECOND_MS,
  nodeStatusMs: 5 * MINUTE_MS,
  /** Below so much of each a node is under pressure: kubelet's thresholds; the last three are shares of the whole. */
  pressureMemoryBytes: 100 * MIB,
  pressureDiskFree: 0.1,
  pressureInodesFree: 0.05,
  pressurePidsFree: 0.05,
  /** Most events waiting to be written, and most remembered to be counted instead of repeated. */
  eventQueue: 1024,
  eventMemory: 4096,
  /** First and longest wait before an event is written again when the API was away. */
  eventRetryMs: 250,
  eventRetryMaxMs: 10 * SECOND_MS,
  /** Most bytes of a webhook's answer, as upstream. */
  webhookAnswerBytes: 3 * MIB,
  /** Services whose pods are remembered for webhooks, and for how long. */
  webhookServices: 256,
  webhookPodsFreshMs: 2 * SECOND_MS,
  /** Audit annotations and causes taken from one webhook's answer, and the longest annotation. */
  webhookAnnotations: 64,
  webhookAnnotationCharacters: 4096,
  webhookCauses: 64,
  /** Requests charged to a namespace's quotas with one write. */
  quotaBatch: 256,
  /** Quotas of which less was found than charged, remembered until they are looked at again. */
  quotaSuspects: 10_000,
  /** How often a namespace's quotas are counted again, for what nobody tells of. */
  quotaResyncMs: 30 * SECOND_MS,
  /** Pods looked at when a namespace's security becomes stricter, and for how long; upstream's values. */
  podSecurityCheckPods: 3000,
  podSecurityCheckMs: SECOND_MS,
  /** Connections to one webhook server, those of them that are kept idle, those to all servers, and how long one idles. */
  webhookSockets: 64,
  webhookIdleSockets: 8,
  webhookTotalSockets: 512,
  webhookIdleMs: 90 * SECOND_MS,
  /** Most bytes of an answer a probe reads. */
  probeBodyBytes: 10 * KIB,
  /** Longest CEL expression, deepest nesting of one, and most parts. */
  celSourceCharacters: 64 * KIB,
  celNesting: 250,
  celNodes: 20_000,
  /** Most faults that are told of one. */
  celFaults: 10,
  /** What one evaluation of a CEL expression may cost, in upstream's units of some 20 ns; and all for one request. */
  celExpressionCost: 1_000_000,
  celRequestCost: 4_000_000,
  /** What a rule of a CRD may cost at most, by what its schema says of sizes; upstream's value. */
  celEstimatedCost: 10_000_000,
  /** What all rules of a CRD may cost together, likewise. */
  celCrdCost: 100_000_000,
  /** Most match conditions of a policy, and most audit annotations; upstream's values. */
  matchConditions: 64,
  auditAnnotations: 20,
  /** Most authorization checks that the expressions of one policy may ask for one request. */
  celAuthorizationChecks: 32,
  /** Longest a request waits for a policy's parameters to be read for the first time; upstream's value. */
  paramLoadMs: SECOND_MS,
  /** Longest text of a messageExpression, and of an audit annotation; upstream's values. */
  celMessageBytes: 5 * KIB,
  celAnnotationBytes: 10 * KIB,
  /** Most compiled regular expressions a CEL program keeps, and the longest. */
  celPatterns: 64,
  celPatternCharacters: 4 * KIB,
} as const;
