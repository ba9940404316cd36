import { type Overload, overload } from '../signature.ts';
import { Opaque } from '../values.ts';

/** Of an authorization check as expressions build it. */
export interface AuthorizationQuestion {
  /** Undefined: the user of the request. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
  readonly path?: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
  readonly verb: string;
}

export interface AuthorizationAnswer {
  readonly allowed: boolean;
  readonly reason: string;
  /** Why the question could not be answered; left out when it was. */
  readonly error?: string;
}

/** Answers at once, or throws what the caller of the program understands as: ask again when I know. */
export type Ask = (question: AuthorizationQuestion) => AuthorizationAnswer;

const PREFIX = 'kubernetes.authorization.';

/** The authorizer, or a check on its way to being asked. */
export class Check extends Opaque {
  readonly typeName: string;
  readonly ask: Ask;
  readonly question: Omit<AuthorizationQuestion, 'verb'>;

  constructor(type: CheckType, ask: Ask, question: Omit<AuthorizationQuestion, 'verb'> = {}) {
    super();
    this.typeName = PREFIX + type;
    this.ask = ask;
    this.question = question;
  }

  equals(other: Opaque): boolean {
    return other === this;
  }

  with(question: Omit<AuthorizationQuestion, 'verb'>, type: CheckType): Check {
    return new Check(type, this.ask, { ...this.question, ...question });
  }
}

type CheckType = 'Authorizer' | 'PathCheck' | 'GroupCheck' | 'ResourceCheck';

class Decision extends Opaque {
  readonly typeName = `${PREFIX}Decision`;
  readonly answer: AuthorizationAnswer;

  constructor(answer: AuthorizationAnswer) {
    super();
    this.answer = answer;
  }

  equals(other: Opaque): boolean {
    return other === this;
  }
}

const AUTHORIZER = `${PREFIX}Authorizer`;
const PATH = `${PREFIX}PathCheck`;
const GROUP = `${PREFIX}GroupCheck`;
const RESOURCE = `${PREFIX}ResourceCheck`;
const DECISION = `${PREFIX}Decision`;
/** Upstream's: two checks fit into one expression. */
const CHECK_COST = 350_000;

/** https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-authorizer-library */
export function authorizers(): Overload[] {
  const check = (of: Check, verb: string) => new Decision(of.ask({ ...of.question, verb }));
  const part = (name: 'subresource' | 'namespace' | 'name' | 'fieldSelector' | 'labelSelector') =>
    overload(`(${RESOURCE}).${name}(string): ${RESOURCE}`, (of: Check, value: string) =>
      of.with({ [name]: value }, 'ResourceCheck'),
    );
  const cost = () => CHECK_COST;
  return [
    overload(`(${AUTHORIZER}).path(string): ${PATH}`, (of: Check, path: string) =>
      of.with({ path }, 'PathCheck'),
    ),
    overload(`(${AUTHORIZER}).group(string): ${GROUP}`, (of: Check, group: string) =>
      of.with({ group }, 'GroupCheck'),
    ),
    overload(
      `(${AUTHORIZER}).serviceAccount(string, string): ${AUTHORIZER}`,
      (of: Check, namespace: string, name: string) =>
        of.with({ serviceAccount: { namespace, name } }, 'Authorizer'),
    ),
    overload(`(${GROUP}).resource(string): ${RESOURCE}`, (of: Check, resource: string) =>
      of.with({ resource }, 'ResourceCheck'),
    ),
    part('subresource'),
    part('namespace'),
    part('name'),
    part('fieldSelector'),
    part('labelSelector'),
    overload(`(${PATH}).check(string): ${DECISION}`, check, { cost }),
    overload(`(${RESOURCE}).check(string): ${DECISION}`, check, { cost }),
    overload(`(${DECISION}).allowed(): bool`, ({ answer }: Decision) => answer.allowed),
    overload(`(${DECISION}).reason(): string`, ({ answer }: Decision) => answer.reason),
    overload(`(${DECISION}).errored(): bool`, ({ answer }: Decision) => answer.error !== undefined),
    overload(`(${DECISION}).error(): string`, ({ answer }: Decision) => answer.error ?? ''),
  ];
}
