import type { Readable } from 'node:stream';

/**
 * What can be asked of one node directly, through the server and the node's tunnel
 * (`POST /apis/amphora.dev/v1/nodes/{node}/{action}`; see docs/designs/node-tunnel.md).
 */
export interface NodeActions {
  /** What each sandbox uses now. */
  sandboxStats(node: string, signal: AbortSignal): Promise<readonly SandboxUsage[]>;
  listImages(node: string, signal: AbortSignal): Promise<readonly ImageSummary[]>;
  /** Pulls, telling progress as it goes. */
  pullImage(node: string, reference: string, options: ImageCall): Promise<ImageSummary>;
  /** Sends an OCI layout or docker archive (tar). */
  importImage(
    node: string,
    archive: Readable,
    options: ImageCall & { readonly name?: string },
  ): Promise<readonly ImageSummary[]>;
  removeImage(node: string, reference: string, signal: AbortSignal): Promise<void>;
}

export interface ImageCall {
  readonly signal: AbortSignal;
  readonly onProgress?: (event: ImageProgress) => void;
}

export interface ImageProgress {
  readonly layer: string;
  readonly phase: string;
  readonly bytes: number;
  readonly totalBytes: number;
}

export interface ImageSummary {
  readonly id: string;
  readonly names: readonly string[];
  readonly digests: readonly string[];
  readonly sizeBytes: number;
  readonly created: string;
}

export interface SandboxUsage {
  readonly podUid: string;
  readonly podNamespace: string;
  readonly podName: string;
  readonly runtimeClass: string;
  readonly cpuNanoseconds: number;
  /** Bytes the sandbox costs the machine, monitors and VMM included. */
  readonly memoryBytes: number;
}
