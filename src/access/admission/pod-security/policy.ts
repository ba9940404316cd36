import type { ErrorDetail } from '../../../lib/errors.ts';

export type Level = 'privileged' | 'baseline' | 'restricted';

export interface LevelVersion {
  readonly level: Level;
  /** Minor version; Infinity for the latest. */
  readonly version: number;
}

/** What a namespace's labels ask for. */
export interface Policy {
  readonly enforce: LevelVersion;
  readonly audit: LevelVersion;
  readonly warn: LevelVersion;
  /** What is wrong with the labels; enforcement is then the strictest, the others the laxest. */
  readonly faults: readonly ErrorDetail[];
}

const PREFIX = 'pod-security.kubernetes.io/';
const LEVELS: readonly string[] = ['privileged', 'baseline', 'restricted'] satisfies Level[];
const FREE: LevelVersion = { level: 'privileged', version: Number.POSITIVE_INFINITY };

/** https://kubernetes.io/docs/tasks/configure-pod-container/enforce-standards-namespace-labels/ */
export function policyOf(labels: Readonly<Record<string, string>> | undefined): Policy {
  if (labels === undefined || !Object.keys(labels).some((key) => key.startsWith(PREFIX)))
    return { enforce: FREE, audit: FREE, warn: FREE, faults: [] };
  const faults: ErrorDetail[] = [];
  const read = (mode: string, fallback: Level): LevelVersion => ({
    level: levelOf(labels[`${PREFIX}${mode}`], { key: `${PREFIX}${mode}`, fallback, faults }),
    version: versionOf(labels[`${PREFIX}${mode}-version`], { key: `${PREFIX}${mode}-version`, faults }),
  });
  const enforce = read('enforce', 'restricted');
  const isSet = faults.every(({ field }) => field !== fieldOf(`${PREFIX}enforce`));
  const soft = (mode: string): LevelVersion => {
    const own = read(mode, 'privileged');
    // What is enforced on pods is said of their templates, too, unless the labels say otherwise.
    if (!isSet || labels[`${PREFIX}${mode}`] !== undefined) return own;
    return labels[`${PREFIX}${mode}-version`] === undefined ? enforce : { ...own, level: enforce.level };
  };
  return { enforce, audit: soft('audit'), warn: soft('warn'), faults };
}

function fieldOf(key: string): string {
  return `metadata.labels[${key}]`;
}

function levelOf(
  value: string | undefined,
  {
    key,
    fallback,
    faults,
  }: { readonly key: string; readonly fallback: Level; readonly faults: ErrorDetail[] },
): Level {
  if (value === undefined) return 'privileged';
  if (isLevel(value)) return value;
  faults.push(invalid(key, value, 'must be one of privileged, baseline, restricted'));
  return fallback;
}

function isLevel(value: string): value is Level {
  return LEVELS.includes(value);
}

function versionOf(
  value: string | undefined,
  { key, faults }: { readonly key: string; readonly faults: ErrorDetail[] },
): number {
  if (value === undefined || value === 'latest') return FREE.version;
  const match = /^v1\.(0|[1-9]\d{0,8})$/.exec(value);
  if (match !== null) return Number(match[1]);
  faults.push(invalid(key, value, 'must be "latest" or "v1.x"'));
  return FREE.version;
}

function invalid(key: string, value: string, why: string): ErrorDetail {
  const message = `Invalid value: ${JSON.stringify(value)}: ${why}`;
  return { reason: 'FieldValueInvalid', field: fieldOf(key), message };
}

/** `restricted:latest`, `baseline:v1.30` */
export function formatLevel({ level, version }: LevelVersion): string {
  return `${level}:${Number.isFinite(version) ? `v1.${version}` : 'latest'}`;
}

export function sameLevel(a: LevelVersion, b: LevelVersion): boolean {
  return a.level === b.level && a.version === b.version;
}

/** Whether a change of what is enforced could be against pods that are there. */
export function isStricter(next: LevelVersion, before: LevelVersion): boolean {
  if (sameLevel(next, before) || next.level === 'privileged') return false;
  return next.version !== before.version || LEVELS.indexOf(next.level) > LEVELS.indexOf(before.level);
}
