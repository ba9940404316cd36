import { AmphoraError } from '../../lib/errors.ts';
import type { User } from '../user.ts';
import type { Attributes, ResourceAttributes } from './authorizer.ts';

/** The refusal in the words clients and people know from upstream. */
export function forbidden(user: User, attributes: Attributes, reason: string): AmphoraError {
  const said = reason === '' ? '' : `: ${reason}`;
  const who = JSON.stringify(user.name);
  if (attributes.kind === 'path') {
    const message = `forbidden: User ${who} cannot ${attributes.verb} path ${JSON.stringify(attributes.path)}${said}`;
    return new AmphoraError('Forbidden', message);
  }
  const { group, resource, name, verb } = attributes;
  const qualified = group === '' ? resource : `${resource}.${group}`;
  const subject = name === '' ? qualified : `${qualified} ${JSON.stringify(name)}`;
  const full = attributes.subresource === '' ? resource : `${resource}/${attributes.subresource}`;
  return new AmphoraError(
    'Forbidden',
    `${subject} is forbidden: User ${who} cannot ${verb} resource ${JSON.stringify(full)} in API group ` +
      `${JSON.stringify(group)} ${scope(attributes)}${said}`,
    { about: { group, kind: resource, ...(name === '' ? {} : { name }) } },
  );
}

function scope({ namespace }: ResourceAttributes): string {
  return namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
}
