/** `amphora/testing`: what the package gives to tests. docs/testing.md */
export type { ApiObject, ObjectMeta } from '../../api/kind.ts';
export type {
  CallOptions,
  Client,
  ClientPatch,
  ClientWatchEvent,
  CollectionReference,
  List,
  ListQuery,
  ObjectReference,
  WatchQuery,
  WriteOptions,
} from '../../client/client.ts';
export type { Clock } from '../../lib/clock.ts';
// biome-ignore lint/performance/noBarrelFile: the package's face; what bundles it leaves out what is not used.
export { AmphoraError, isCode } from '../../lib/errors.ts';
export { createManualClock, type ManualClock } from '../../lib/manual-clock.ts';
export type { ClusterClient, FollowOptions, RunningInformer } from './cluster-client.ts';
export { type Cluster, type ClusterOptions, startCluster } from './start-cluster.ts';
