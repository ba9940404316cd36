import type { ObjectMeta, OwnerReference } from '../../api/kind.ts';
import { LIMITS } from '../../lib/limits.ts';

export const ORPHAN = 'orphan';
export const FOREGROUND = 'foregroundDeletion';

/** Where objects of one kind are: shared by all of its nodes. */
export interface NodeKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** An object as the collector knows it: what it owns and what owns it. */
export interface GraphNode {
  readonly uid: string;
  /** Undefined for a virtual node whose kind this server does not serve. */
  readonly kind: NodeKind | undefined;
  readonly namespace: string;
  readonly name: string;
  /** Known only because somebody names it as an owner. */
  readonly virtual: boolean;
  /** Is being deleted and waits for its dependents. */
  readonly foreground: boolean;
  /** Is being deleted and its dependents are to be left. */
  readonly orphaning: boolean;
  readonly owners: readonly GraphNode[];
  /** To whether the dependent blocks the owner's foreground deletion; undefined: none. */
  readonly dependents: ReadonlyMap<GraphNode, boolean> | undefined;
}

/** Whether something about an object asks for a look at it in the store: cheap, and asked of every object. */
export function isSuspect(node: GraphNode): boolean {
  return (
    node.foreground ||
    node.orphaning ||
    node.owners.some(
      (owner) =>
        owner.virtual ||
        owner.foreground ||
        (owner.kind?.namespaced === true && owner.namespace !== node.namespace),
    )
  );
}

interface Node extends GraphNode {
  kind: NodeKind | undefined;
  namespace: string;
  name: string;
  virtual: boolean;
  foreground: boolean;
  orphaning: boolean;
  owners: readonly Node[];
  dependents: Map<Node, boolean> | undefined;
  /** The list of this node and no other, once it was needed. */
  alone: readonly Node[] | undefined;
}

const NOBODY: readonly Node[] = [];

/** Most have one owner, and share the list of it with all that it owns. */
function shared(owners: readonly Node[]): readonly Node[] {
  const [only] = owners;
  if (only === undefined || owners.length > 1) return owners;
  only.alone ??= owners;
  return only.alone;
}

/**
 * Who owns whom, by uid, over all kinds. It keeps no object, only what the collector asks for, and tells which objects
 * are to be looked at after a change. It may lag behind the store: whoever acts on it reads the objects again.
 */
export class OwnerGraph {
  readonly #nodes = new Map<string, Node>();
  /** Owners that were seen to go while they had dependents; the oldest is forgotten first. */
  readonly #gone = new Set<string>();
  /** Namespaces and names of kinds repeat: one text for all. */
  readonly #texts = new Map<string, string>();
  readonly #check: (uid: string) => void;
  readonly #kindOf: (apiVersion: string, kind: string) => NodeKind | undefined;

  /** @param check told the uid of each object that is to be looked at */
  constructor(options: {
    readonly check: (uid: string) => void;
    readonly kindOf: (apiVersion: string, kind: string) => NodeKind | undefined;
  }) {
    this.#check = options.check;
    this.#kindOf = options.kindOf;
  }

  get size(): number {
    return this.#nodes.size;
  }

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  /** Whether an object of that uid was seen to be deleted; what is long ago is forgotten. */
  isGone(uid: string): boolean {
    return this.#gone.has(uid);
  }

  /** An object as it is now. */
  set(kind: NodeKind, metadata: Readonly<ObjectMeta>): void {
    const { uid = '' } = metadata;
    const known = this.#nodes.get(uid);
    const fresh = known === undefined || known.virtual;
    const node = known ?? this.#add(uid);
    node.kind = kind;
    if (fresh) {
      node.namespace = this.#text(metadata.namespace ?? '');
      node.name = metadata.name;
      node.virtual = false;
    }
    const ownersChanged = this.#setOwners(node, metadata.ownerReferences ?? []);
    const marked = this.#setMarks(node, metadata);
    if (marked || (ownersChanged && isSuspect(node))) this.#check(uid);
  }

  /** The object is gone: its dependents have to be looked at, and owners that waited for it. */
  delete(uid: string): void {
    const node = this.#nodes.get(uid);
    if (node === undefined) return;
    if (node.dependents !== undefined) this.#remember(uid);
    this.#drop(node);
  }

  /** Nobody follows the kind any more: what becomes of its objects is not known. */
  forget(kind: NodeKind): void {
    for (const node of this.#nodes.values()) if (node.kind === kind && !node.virtual) this.#drop(node);
  }

  #drop(node: Node): void {
    for (const owner of node.owners) {
      this.#unlink(owner, node);
      if (owner.foreground) this.#check(owner.uid);
    }
    if (node.dependents === undefined) {
      this.#nodes.delete(node.uid);
      return;
    }
    // The node stays for those who name it, as one that nobody has seen.
    Object.assign(node, { virtual: true, owners: NOBODY, foreground: false, orphaning: false });
    for (const dependent of node.dependents.keys()) this.#check(dependent.uid);
  }

  /** Forgets what was seen of a kind and is not among `there`. */
  retain(kind: NodeKind, there: ReadonlySet<string>): void {
    for (const node of this.#nodes.values())
      if (node.kind === kind && !node.virtual && !there.has(node.uid)) this.delete(node.uid);
  }

  /** Everything that hangs on an owner nobody has seen is looked at again: a kind may have come. */
  checkVirtual(): void {
    for (const node of this.#nodes.values()) {
      if (!node.virtual) continue;
      for (const dependent of node.dependents?.keys() ?? []) this.#check(dependent.uid);
    }
  }

  #add(uid: string): Node {
    const node: Node = {
      uid,
      kind: undefined,
      namespace: '',
      name: '',
      virtual: true,
      foreground: false,
      orphaning: false,
      owners: NOBODY,
      dependents: undefined,
      alone: undefined,
    };
    this.#nodes.set(uid, node);
    return node;
  }

  /** @returns whether other owners own it now, or otherwise */
  #setOwners(node: Node, references: readonly OwnerReference[]): boolean {
    const before = node.owners;
    if (before.length === 0 && references.length === 0) return false;
    const wanted = new Map(references.map((reference) => [reference.uid, reference]));
    let changed = before.length !== wanted.size;
    for (const owner of before) {
      if (wanted.has(owner.uid)) continue;
      changed = true;
      this.#unlink(owner, node);
      if (owner.foreground) this.#check(owner.uid);
    }
    const owners: Node[] = [];
    for (const reference of wanted.values()) {
      const owner = this.#nodes.get(reference.uid) ?? this.#addOwner(reference, node);
      owners.push(owner);
      const blocks = reference.blockOwnerDeletion === true;
      const blocked = owner.dependents?.get(node);
      if (blocked === blocks) continue;
      changed = true;
      owner.dependents ??= new Map();
      owner.dependents.set(node, blocks);
      if (blocked === true && owner.foreground) this.#check(owner.uid);
    }
    node.owners = shared(owners);
    return changed;
  }

  /** Somebody names an owner that was not seen: whether there is one has to be found out. */
  #addOwner(reference: OwnerReference, dependent: Node): Node {
    const owner = this.#add(reference.uid);
    owner.kind = this.#kindOf(reference.apiVersion, reference.kind);
    owner.namespace = owner.kind?.namespaced === false ? '' : dependent.namespace;
    owner.name = reference.name;
    return owner;
  }

  /** @returns whether its deletion has just begun to ask something of the collector */
  #setMarks(node: Node, { deletionTimestamp, finalizers = [] }: Readonly<ObjectMeta>): boolean {
    const deleting = deletionTimestamp !== undefined;
    const foreground = deleting && finalizers.includes(FOREGROUND);
    const orphaning = deleting && finalizers.includes(ORPHAN);
    const begun = (foreground && !node.foreground) || (orphaning && !node.orphaning);
    if (foreground && !node.foreground)
      for (const dependent of node.dependents?.keys() ?? []) this.#check(dependent.uid);
    node.foreground = foreground;
    node.orphaning = orphaning;
    return begun;
  }

  #unlink(owner: Node, dependent: Node): void {
    owner.dependents?.delete(dependent);
    if (owner.dependents?.size !== 0) return;
    owner.dependents = undefined;
    if (owner.virtual) this.#nodes.delete(owner.uid);
  }

  #remember(uid: string): void {
    this.#gone.add(uid);
    if (this.#gone.size <= LIMITS.goneOwners) return;
    for (const oldest of this.#gone) {
      this.#gone.delete(oldest);
      break;
    }
  }

  #text(value: string): string {
    const known = this.#texts.get(value);
    if (known !== undefined) return known;
    if (this.#texts.size < LIMITS.goneOwners) this.#texts.set(value, value);
    return value;
  }
}
