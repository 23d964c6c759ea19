import { CloudError } from '../cloud/errors.ts';

const maxHeaderLength = 16 * 1024;

/** The boundary that a `multipart/form-data` content type names (RFC 7578); undefined for other types. */
export function boundaryOf(contentType: string | undefined): string | undefined {
  const match = /^multipart\/form-data\s*;.*\bboundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType ?? '');
  return match?.[1] ?? match?.[2];
}

/**
 * The content of the first part of a form that is a file (or, where none says so, of the first part), as it streams by.
 * Nothing is kept but what might be the beginning of a boundary. Throws `invalid` for what is no form, and for one that
 * breaks off.
 */
export async function* fileOf(body: AsyncIterable<Buffer>, boundary: string): AsyncGenerator<Buffer> {
  const chunks = body[Symbol.asyncIterator]();
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  // The first delimiter has no line before it.
  let held: Buffer = Buffer.from('\r\n');
  const more = async (): Promise<void> => {
    const next = await chunks.next();
    if (next.done) throw new CloudError('invalid', 'The form breaks off.', { reason: 'source_failed' });
    held = held.length === 0 ? next.value : Buffer.concat([held, next.value]);
  };
  const upTo = async (mark: Buffer): Promise<Buffer> => {
    for (;;) {
      const at = held.indexOf(mark);
      if (at >= 0) {
        const found = held.subarray(0, at);
        held = held.subarray(at + mark.length);
        return found;
      }
      if (held.length > maxHeaderLength)
        throw new CloudError('invalid', 'The body is no form.', { reason: 'bad_form' });
      await more();
    }
  };
  await upTo(delimiter);
  for (let isFile = false; !isFile; ) {
    while (held.length < 2) await more();
    if (held.subarray(0, 2).toString() === '--') {
      throw new CloudError('invalid', 'The form has no file.', { reason: 'bad_form' });
    }
    const headers = (await upTo(Buffer.from('\r\n\r\n'))).toString('latin1');
    isFile = /^content-disposition:.*\bfilename\*?=/im.test(headers);
    // What comes before the file are short fields.
    if (!isFile) await upTo(delimiter);
  }
  for (;;) {
    const at = held.indexOf(delimiter);
    if (at >= 0) {
      if (at > 0) yield held.subarray(0, at);
      held = Buffer.alloc(0);
      break;
    }
    const safe = held.length - delimiter.length + 1;
    if (safe > 0) {
      yield held.subarray(0, safe);
      held = held.subarray(safe);
    }
    await more();
  }
  // The rest is read, so that the client sees its answer.
  while (!(await chunks.next()).done);
}
