/** What the load generator is told to do, and what it answers; both cross a process boundary. */

export interface Endpoint {
  /** `https://127.0.0.1:6443` */
  readonly server: string;
  /** PEM. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
}

/** Requests made of one template: `{n}` in path and body is the request's number, from `first` to `first + modulo`. */
export interface Load {
  readonly type: 'load';
  readonly to: Endpoint;
  /** Each has a connection of its own and sends its next request when the last was answered. */
  readonly clients: number;
  readonly requests: number;
  readonly method: string;
  readonly path: string;
  readonly contentType?: string;
  readonly body?: string;
  readonly first: number;
  /** Numbers start again after so many; left out: never. */
  readonly modulo?: number;
}

export interface LoadAnswer {
  /** Milliseconds from the first request to the last answer. */
  readonly elapsedMs: number;
  /** Of each request, in milliseconds. */
  readonly latencies: Float64Array;
  /** Bytes of all bodies that came. */
  readonly bytes: number;
}

/** Streams that are held open until {@link Unwatch}. */
export interface Watch {
  readonly type: 'watch';
  readonly to: Endpoint;
  readonly count: number;
  /** `{n}` is the watcher's number. */
  readonly path: string;
  readonly streamsPerConnection: number;
}

/** One request, and how long until every open stream has had a byte: milliseconds, once for each of `rounds`. */
export interface FanOut {
  readonly type: 'fan-out';
  readonly to: Endpoint;
  readonly rounds: number;
  readonly method: string;
  readonly path: string;
  readonly contentType: string;
  readonly body: string;
}

export interface Unwatch {
  readonly type: 'unwatch';
}

export type Command = Load | Watch | FanOut | Unwatch;

export interface Answers {
  readonly load: LoadAnswer;
  readonly watch: undefined;
  readonly 'fan-out': readonly number[];
  readonly unwatch: undefined;
}
