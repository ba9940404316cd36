import { run } from '../../lib/run.ts';

export const TAP = 'amphora-tap';

/**
 * A tap beside the pod's interface in its network namespace, joined to it by redirecting every packet both ways:
 * the guest takes the interface's address, and the namespace's own stack sees nothing. The namespace owns the tap.
 */
export async function makeTap(
  options: { namespace: string; interfaceName: string; mtu: number },
  signal: AbortSignal,
): Promise<void> {
  const inside = (program: string, args: readonly string[], stdin: string) =>
    run('nsenter', [`--net=${options.namespace}`, '--', program, ...args], { stdin, signal });
  await inside(
    'ip',
    ['-batch', '-'],
    `tuntap add dev ${TAP} mode tap\nlink set dev ${TAP} mtu ${options.mtu} up\n`,
  );
  const redirect = (from: string, to: string) =>
    `qdisc replace dev ${from} clsact\nfilter replace dev ${from} ingress pref 1 protocol all u32 match u32 0 0 action mirred egress redirect dev ${to}\n`;
  await inside(
    'tc',
    ['-batch', '-'],
    redirect(options.interfaceName, TAP) + redirect(TAP, options.interfaceName),
  );
}

/** Undoes {@link makeTap}, also when the namespace or the tap is gone. */
export async function removeTap(options: { namespace: string; interfaceName: string }): Promise<void> {
  const inside = (program: string, args: readonly string[]) =>
    run('nsenter', [`--net=${options.namespace}`, '--', program, ...args]).catch(() => undefined);
  await inside('tc', ['qdisc', 'del', 'dev', options.interfaceName, 'clsact']);
  await inside('ip', ['link', 'del', TAP]);
}
