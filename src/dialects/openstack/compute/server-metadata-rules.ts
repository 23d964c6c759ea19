import type { Call } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { projectOf } from '../../../cloud/identity/subject.ts';
import { profileOf } from './profile.ts';

/** The longest key or value, in what the API counts. */
const longest = 255;

type Metadata = Record<string, string>;
type Asked = Pick<Call, 'cloud' | 'subject' | 'context'>;

/** Throws `invalid` for keys and values that are too long, and for keys that nobody could ask for. */
export function checkMetadataForm(context: Call['context'], metadata: Metadata): void {
  const { metadataUnit } = profileOf(context);
  const sizeOf = (text: string) => (metadataUnit === 'bytes' ? Buffer.byteLength(text) : [...text].length);
  const tooLong = (what: string, text: string) =>
    new CloudError(
      'invalid',
      `Metadata property ${what} greater than ${longest} ${metadataUnit}: it has ${sizeOf(text)}.`,
      { field: 'metadata' },
    );
  for (const [key, value] of Object.entries(metadata)) {
    if (key === '') throw new CloudError('invalid', 'Metadata property key blank.', { field: 'metadata' });
    if (sizeOf(key) > longest) throw tooLong('key', key);
    if (sizeOf(value) > longest) throw tooLong('value', value);
  }
}

/** As `checkMetadataForm`; also throws `quota_exceeded` for more items than a server of the project may have. */
export async function checkMetadata({ cloud, subject, context }: Asked, metadata: Metadata = {}): Promise<void> {
  checkMetadataForm(context, metadata);
  const count = Object.keys(metadata).length;
  if (count === 0) return;
  const { metadata_items: most } = await cloud.quotas.limits(subject, projectOf(subject));
  if (most >= 0 && count > most) {
    throw new CloudError('quota_exceeded', `Maximum number of metadata items exceeds ${most}`, {
      reason: 'metadata_items',
    });
  }
}
