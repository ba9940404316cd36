import type { User } from '../../access/user.ts';
import type { UserInfo } from '../../api/types.generated.ts';
import type { Review } from './all.ts';

/** `kubectl auth whoami`: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/self-subject-review-v1/ */
export const selfSubjectReview: Review = async (object, { context }) => ({
  ...object,
  metadata: { ...object.metadata },
  status: { userInfo: userInfoOf(context.user) },
});

export function userInfoOf(user: User): UserInfo {
  const extra = Object.entries(user.extra).map(([key, values]) => [key, [...values]]);
  return {
    username: user.name,
    ...(user.uid === '' ? {} : { uid: user.uid }),
    groups: [...user.groups],
    ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra) }),
  };
}
