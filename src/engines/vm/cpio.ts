/** A file of an initramfs; `mode` is the whole st_mode, type included. */
export interface CpioEntry {
  readonly path: string;
  readonly mode: number;
  readonly data: Uint8Array;
}

/** An archive in the "newc" format: https://www.kernel.org/doc/html/latest/driver-api/early-userspace/buffer-format.html */
export function writeCpio(entries: readonly CpioEntry[]): Buffer {
  const parts: Buffer[] = [];
  entries.forEach((entry, index) => {
    parts.push(...member(entry, index + 1));
  });
  parts.push(...member({ path: 'TRAILER!!!', mode: 0, data: new Uint8Array() }, 0));
  return Buffer.concat(parts);
}

function member(entry: CpioEntry, inode: number): Buffer[] {
  const name = Buffer.from(`${entry.path}\0`);
  const fields = [inode, entry.mode, 0, 0, 1, 0, entry.data.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  return [padded(Buffer.concat([header, name])), padded(Buffer.from(entry.data))];
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
}
