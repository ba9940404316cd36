import type { JsonObject } from '../../../api/json.ts';
import type { ApiObject, Kind } from '../../../api/kind.ts';
import type { Program } from '../../../cel/cel.ts';
import { CelFault } from '../../../cel/faults.ts';
import { CelBudget } from '../../../cel/meter.ts';
import { LazyObject } from '../../../cel/values.ts';
import type { AdmissionRequest } from '../admission.ts';
import { requestFields } from '../webhooks/review.ts';
import type { Answers } from './answers.ts';

/** What the expressions of one policy, with one parameter object, see of a request. */
export interface Activation {
  readonly values: Readonly<Record<string, unknown>>;
  /** Shared by all of them. */
  readonly budget: CelBudget;
}

export interface Seen {
  /** Null for a DELETE. */
  readonly object: Readonly<ApiObject> | null;
  readonly oldObject: Readonly<ApiObject> | null;
  readonly request: JsonObject;
  readonly namespaceObject: Readonly<ApiObject> | null;
}

/** The request in the version of `as`, for expressions; nothing is copied where that is the stored version. */
export async function seen(
  request: AdmissionRequest,
  as: Kind,
  namespaceObject: Readonly<ApiObject> | undefined,
): Promise<Seen> {
  const { operation, object, old } = request;
  const inVersion = async (one: Readonly<ApiObject>) =>
    request.bodyKind !== undefined || as === request.kind ? one : await request.convert(one, as);
  return {
    object: operation === 'DELETE' ? null : await inVersion(object),
    oldObject: old === undefined ? null : await inVersion(old),
    request: requestFields(request, as),
    namespaceObject: namespaceObject ?? null,
  };
}

export interface Variable {
  readonly name: string;
  readonly program: Program;
}

export function activate(
  seenObjects: Seen,
  options: {
    readonly answers?: Answers;
    readonly params?: Readonly<ApiObject> | null;
    readonly variables?: readonly Variable[];
  },
): Activation {
  const { answers, params, variables = [] } = options;
  const budget = new CelBudget();
  const checks = answers?.values;
  const values: Record<string, unknown> = {
    ...seenObjects,
    ...(params === undefined ? {} : { params }),
    ...(checks === undefined
      ? {}
      : { authorizer: checks.authorizer, 'authorizer.requestResource': checks.requestResource }),
  };
  values.variables = new Variables(variables, values, budget);
  return { values, budget };
}

/** `variables.name`, evaluated when it is first asked for. */
class Variables extends LazyObject {
  readonly #programs: ReadonlyMap<string, Program>;
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #budget: CelBudget;
  readonly #known = new Map<string, unknown>();

  constructor(variables: readonly Variable[], values: Readonly<Record<string, unknown>>, budget: CelBudget) {
    super();
    this.#programs = new Map(variables.map(({ name, program }) => [name, program]));
    this.#values = values;
    this.#budget = budget;
  }

  member(name: string): unknown {
    if (this.#known.has(name)) return this.#known.get(name);
    const program = this.#programs.get(name);
    if (program === undefined) return undefined;
    const { value, fault } = program.evaluate(this.#values, this.#budget);
    if (fault !== undefined)
      throw new CelFault(`composited variable ${JSON.stringify(name)} fails to evaluate: ${fault}`);
    this.#known.set(name, value);
    return value;
  }
}
