/** Each program that is started as a process or a thread of its own, by its path below `src`. */
export const PROGRAMS: readonly string[] = [
  'main/amphora',
  'images/unpack/unpack-child',
  'images/merge-child',
  'engines/oci/attach-reader',
];

/** What the package exports, by its path below `src`; `package.json` names each under `exports`. */
export const LIBRARIES: readonly string[] = ['main/library/testing', 'main/library/client'];
