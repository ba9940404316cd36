/** Each program that is started as a process or a thread of its own, by its path below `src`. */
export const PROGRAMS: readonly string[] = [
  'main/amphora',
  'images/unpack/unpack-child',
  'images/merge-child',
  'engines/oci/attach-reader',
];
