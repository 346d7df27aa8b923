/** Writes a "newc" cpio archive, the form in which Linux takes an initial file system. Folders are made as needed. */

/** @param files path (no leading slash) → contents */
export function cpioArchive(files: ReadonlyMap<string, Uint8Array>): Buffer {
  const parts: Buffer[] = [];
  const folders = new Set<string>();
  let inode = 0;

  const entry = (name: string, mode: number, data: Uint8Array): void => {
    const nameBytes = Buffer.from(name + '\0');
    const fields = [++inode, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, nameBytes.length, 0];
    const head = '070701' + fields.map((f) => f.toString(16).padStart(8, '0')).join('');
    const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
    parts.push(padded(Buffer.concat([Buffer.from(head), nameBytes])), padded(Buffer.from(data)));
  };

  for (const [path, data] of files) {
    const names = path.split('/');
    for (let i = 1; i < names.length; i++) {
      const folder = names.slice(0, i).join('/');
      if (!folders.has(folder)) {
        folders.add(folder);
        entry(folder, 0o040755, new Uint8Array());
      }
    }
    entry(path, 0o100644, data);
  }
  entry('TRAILER!!!', 0, new Uint8Array());
  return Buffer.concat(parts);
}
