import { Type } from 'typebox';
import type { Image, ImageReplica } from '../../../cloud/images/model.ts';
import { syncStatusReason } from '../../../cloud/images/sync-status.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { bookmark, type Link, LinkSchema, resourceLinks } from '../common/links.ts';
import { isoSeconds } from '../common/time.ts';

const ImageSummary = { id: Type.String(), name: Type.String(), links: Type.Array(LinkSchema) };

/** A property's text. Null is Nova's own form of one without a value. */
const Metadata = Type.Record(Type.String(), Type.Unsafe<string | null>({ type: ['string', 'null'] }), {
  description: 'The properties of the image that are not its base attributes.',
});

const ImageDetail = Type.Object({
  ...ImageSummary,
  status: Type.String({ description: 'ACTIVE, SAVING, ERROR, DELETED or UNKNOWN.' }),
  progress: Type.Integer({ description: '25 registered, 50 data is coming, 100 ready.' }),
  created: Type.String(),
  updated: Type.String(),
  minDisk: Type.Integer({ description: 'GiB.' }),
  minRam: Type.Integer({ description: 'MiB.' }),
  metadata: Metadata,
  'OS-EXT-IMG-SIZE:size': Type.Integer({ description: 'Bytes.' }),
  'OS-DCF:diskConfig': Type.Optional(Type.String({ description: 'AUTO or MANUAL, where the image says.' })),
  server: Type.Optional(
    Type.Object({ id: Type.String(), links: Type.Array(LinkSchema) }, { description: 'The server it was made of.' }),
  ),
});

const imagesLinks = Type.Optional(Type.Array(LinkSchema));
export const ImageDocument = Type.Object({ image: ImageDetail });
export const ImageDetailList = Type.Object({ images: Type.Array(ImageDetail), images_links: imagesLinks });
export const ImageSummaryList = Type.Object({
  images: Type.Array(Type.Object(ImageSummary)),
  images_links: imagesLinks,
});
export const MetadataDocument = Type.Object({ metadata: Metadata });
export const MetaDocument = Type.Object({ meta: Metadata });

/** Where the proxy is, as far as its answers depend on it. */
export interface ProxyPlace {
  /** The compute API's mount point as the client reached it. */
  base: string;
  /** What the images' alternate links begin with. */
  imageBase: string;
  /** Whether `auto_disk_config` is also told as an attribute of its own. */
  tellsDiskConfig: boolean;
}

export function summaryView(image: Image, place: ProxyPlace) {
  return { id: withDashes(image.id), name: image.name ?? '', links: imageLinks(image, place) };
}

/** An image as Nova passes it on. `replicas` may be those of other images too. */
export function detailView(image: Image, replicas: readonly ImageReplica[], place: ProxyPlace) {
  const metadata = metadataOf(image, replicas);
  return {
    ...summaryView(image, place),
    ...statusOf(image),
    created: isoSeconds(image.createdAt),
    updated: isoSeconds(image.updatedAt),
    minDisk: image.minDiskGb,
    minRam: image.minMemoryMb,
    metadata,
    'OS-EXT-IMG-SIZE:size': image.size ?? 0,
    ...(place.tellsDiskConfig ? diskConfig(metadata['auto_disk_config']) : {}),
    ...serverOf(metadata['instance_uuid'], place),
  };
}

/** What users say of the image. */
export function ownMetadata({ properties, description }: Image): Record<string, string> {
  return { ...properties, ...(description === null ? {} : { description }) };
}

/** The image's own properties, and why it is not in all zones where that is so. */
export function metadataOf(image: Image, replicas: readonly ImageReplica[]): Record<string, string> {
  const reason = syncStatusReason(image, replicas);
  return {
    ...ownMetadata(image),
    ...(reason === undefined ? {} : { sync_status_reason: reason }),
  };
}

function imageLinks(image: Image, { base, imageBase }: ProxyPlace): Link[] {
  const path = `images/${withDashes(image.id)}`;
  const alternate = { rel: 'alternate', href: `${imageBase}/${path}`, type: 'application/vnd.openstack.image' };
  return [...resourceLinks(base, path), alternate];
}

function statusOf({ status }: Image): { status: string; progress: number } {
  switch (status) {
    case 'queued':
      return { status: 'SAVING', progress: 25 };
    case 'saving':
      return { status: 'SAVING', progress: 50 };
    case 'active':
      return { status: 'ACTIVE', progress: 100 };
    case 'error':
      return { status: 'ERROR', progress: 0 };
    case 'deleted':
    case 'expunged':
      return { status: 'DELETED', progress: 0 };
    default:
      return { status: 'UNKNOWN', progress: 0 };
  }
}

function diskConfig(auto: string | undefined): { 'OS-DCF:diskConfig'?: string } {
  if (auto === undefined) return {};
  return { 'OS-DCF:diskConfig': ['true', '1', 'yes', 'on'].includes(auto.toLowerCase()) ? 'AUTO' : 'MANUAL' };
}

function serverOf(serverId: string | undefined, { base }: ProxyPlace) {
  const id = serverId === undefined ? undefined : parseId(serverId);
  if (id === undefined) return {};
  const path = `servers/${withDashes(id)}`;
  return { server: { id: withDashes(id), links: [{ rel: 'self', href: `${base}/${path}` }, bookmark(base, path)] } };
}
