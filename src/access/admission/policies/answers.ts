import {
  type Ask,
  type AuthorizationAnswer,
  type AuthorizationQuestion,
  Check,
} from '../../../cel/library/authorizer.ts';
import { AmphoraError } from '../../../lib/errors.ts';
import { LIMITS } from '../../../lib/limits.ts';
import type { Attributes, Authorizer } from '../../authz/authorizer.ts';
import type { User } from '../../user.ts';
import type { AdmissionRequest } from '../admission.ts';

/** Thrown out of an evaluation that asked what is not known yet. */
class Unanswered {
  readonly answered: Promise<void>;

  constructor(answered: Promise<void>) {
    this.answered = answered;
  }
}

/**
 * Authorization for expressions. They are evaluated in one go and the authorizer answers later, so an evaluation that
 * asks something new is given up and made again once the answer is there.
 */
export class Answers {
  readonly #request: AdmissionRequest;
  readonly #authorizer: () => Authorizer;
  readonly #known = new Map<string, AuthorizationAnswer>();

  constructor(request: AdmissionRequest, authorizer: () => Authorizer) {
    this.#request = request;
    this.#authorizer = authorizer;
  }

  /** The values of `authorizer` and `authorizer.requestResource`. */
  get values(): { readonly authorizer: Check; readonly requestResource: Check } {
    const { asked, subresource, namespace, name } = this.#request;
    const authorizer = new Check('Authorizer', this.#ask);
    const { group, resource } = asked;
    const question = { group, resource, subresource, namespace, name };
    return { authorizer, requestResource: authorizer.with(question, 'ResourceCheck') };
  }

  /** Calls `evaluate` until it has all answers; it must start anew each time. */
  async settle<T>(evaluate: () => T): Promise<T> {
    for (let asked = 0; ; asked++) {
      try {
        return evaluate();
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
        if (asked >= LIMITS.celAuthorizationChecks)
          throw new AmphoraError('Invalid', `more than ${asked} authorization checks in one policy`);
        await error.answered;
      }
    }
  }

  readonly #ask: Ask = (question) => {
    const key = JSON.stringify(question);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    throw new Unanswered(this.#find(key, question));
  };

  async #find(key: string, question: AuthorizationQuestion): Promise<void> {
    const { user, signal } = this.#request;
    try {
      const who = question.serviceAccount === undefined ? user : serviceAccountUser(question.serviceAccount);
      const { allowed, reason } = await this.#authorizer().authorize(who, attributesOf(question), signal);
      this.#known.set(key, { allowed, reason });
    } catch (error) {
      if (signal.aborted) throw error;
      this.#known.set(key, { allowed: false, reason: '', error: AmphoraError.from(error).message });
    }
  }
}

function attributesOf(question: AuthorizationQuestion): Attributes {
  const { verb, path, group = '', resource = '', subresource = '', namespace = '', name = '' } = question;
  if (path !== undefined) return { kind: 'path', verb, path };
  const { fieldSelector, labelSelector } = question;
  return {
    kind: 'resource',
    verb,
    group,
    version: '*',
    resource,
    subresource,
    namespace,
    name,
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
  };
}

function serviceAccountUser({
  namespace,
  name,
}: {
  readonly namespace: string;
  readonly name: string;
}): User {
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    uid: '',
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    extra: {},
  };
}
