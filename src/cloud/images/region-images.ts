import { type Static, Type } from 'typebox';
import { openHttpSource } from '../../image-sources/http.ts';
import { type ImageSource, SourceError, type SourceOptions } from '../../image-sources/source.ts';

/** An image of another region, as Glance's import method `glance-download` names it. */
export const RegionImage = Type.Object({
  /** Where the region's image service is, without its version. Absent for this region, and for one that is not known. */
  endpoint: Type.Optional(Type.String()),
  /** Whether it is an image of this very cloud. */
  isOwn: Type.Boolean(),
  /** With dashes. */
  imageId: Type.String(),
  region: Type.String(),
  serviceInterface: Type.String(),
});

export type RegionImage = Static<typeof RegionImage>;

/** Of which an image that comes from another region keeps its properties: what says how it boots, not whose it was. */
const keptProperties = ['hw_', 'trait:', 'os_distro', 'os_secure_boot', 'os_type'];
const maxDocument = 2 ** 20;

/** What a region says of an image, and its bytes. */
export interface OpenedRegionImage {
  source: ImageSource;
  diskFormat: string | null;
  containerFormat: string | null;
  properties: Record<string, string>;
  /** The SHA-512 of the bytes, where the region tells. */
  sha512: string | undefined;
}

/** Where the bytes of the image are. */
export function regionImageUrl({ endpoint = 'region:', imageId }: RegionImage): string {
  return `${endpoint}/v2/images/${imageId}/file`;
}

/** Those of an image's properties that go with it to another one. */
export function kept(properties: object): Record<string, string> {
  const found = Object.entries(properties).filter(
    (entry): entry is [string, string] =>
      typeof entry[1] === 'string' && keptProperties.some((prefix) => entry[0].startsWith(prefix)),
  );
  return Object.fromEntries(found);
}

/**
 * Begins to fetch an image from another region, by a token that both take. The token goes to the region's endpoint only.
 * Throws `SourceError`.
 */
export async function openRegionImage(
  image: RegionImage,
  token: string,
  options: SourceOptions,
): Promise<OpenedRegionImage> {
  if (image.endpoint === undefined) {
    throw new SourceError(
      'refused',
      `The catalog has no ${image.serviceInterface} endpoint of images in ${image.region}.`,
    );
  }
  const asUser = { ...options, headers: { 'x-auth-token': token } };
  const document = await readDocument(`${image.endpoint}/v2/images/${image.imageId}`, asUser);
  if (document['status'] !== 'active') throw new SourceError('refused', "The region's image is not active.");
  const hash = document['os_hash_algo'] === 'sha512' ? document['os_hash_value'] : undefined;
  return {
    source: await openHttpSource(regionImageUrl(image), asUser),
    diskFormat: formatIn(document, 'disk_format'),
    containerFormat: formatIn(document, 'container_format'),
    properties: kept(document),
    sha512: typeof hash === 'string' ? hash : undefined,
  };
}

function formatIn(document: Record<string, unknown>, name: string): string | null {
  const value = document[name];
  return typeof value === 'string' && /^[a-z0-9]{1,16}$/.test(value) ? value : null;
}

async function readDocument(url: string, options: SourceOptions): Promise<Record<string, unknown>> {
  const { stream, close } = await openHttpSource(url, options);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of stream) {
      length += chunk.length;
      if (length > maxDocument) throw new SourceError('refused', 'What the region says of the image is too long.');
      chunks.push(chunk);
    }
  } finally {
    close();
  }
  try {
    const document: unknown = JSON.parse(Buffer.concat(chunks).toString());
    if (typeof document === 'object' && document !== null) return document as Record<string, unknown>;
  } catch {}
  throw new SourceError('refused', 'What the region says of the image is no image.');
}
