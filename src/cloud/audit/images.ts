import type { Facts } from './facts.ts';
import { type Finding, remainingWork, violation } from './finding.ts';
import { unlessOwned } from './owners.ts';

/** How long an upload may be over its time before somebody should have ended it, microseconds. */
const expiryGrace = 600_000_000;
/** How long an upload of another process may have shown no sign of life, microseconds. */
const silence = 60_000_000;

/** Uploads under way, by image: the process that takes the bytes cares for them, not an action; or whoever goes on. */
function uploads(facts: Facts): Set<string> {
  const live = [...facts.stores.values()].flatMap(({ others }) => others.filter(({ isLive }) => isLive));
  const waiting = facts.uploads.filter(({ state }) => state === 'receiving').map(({ image_id }) => image_id);
  const elsewhere = facts.replicas.filter(
    ({ state, updated_at }) => facts.isShared && state === 'copying' && updated_at + silence > facts.now,
  );
  return new Set([
    ...waiting,
    ...live.flatMap(({ imageId }) => imageId ?? []),
    ...elsewhere.map(({ image_id }) => image_id),
  ]);
}

/** Images and their copies are in a state that lasts, or somebody brings their bytes. */
export function imagesAreSettled(facts: Facts): Finding[] {
  const uploading = uploads(facts);
  const images = [...facts.images.values()].flatMap(({ id, status }) => {
    if ((status !== 'saving' && status !== 'importing') || uploading.has(id)) return [];
    const thing = { invariant: 'state-is-final', resource: 'image', id } as const;
    return unlessOwned(facts.owners, thing, [id], `The image is ${status}, and nobody brings its bytes.`);
  });
  const copies = facts.replicas.flatMap(({ image_id, store_id, state }) => {
    if ((state !== 'pending' && state !== 'copying') || uploading.has(image_id)) return [];
    // What is staged for an import stays until its owner imports or deletes it.
    if (facts.images.get(image_id)?.status === 'uploading' && state === 'pending') return [];
    const thing = { invariant: 'state-is-final', resource: 'image copy', id: image_id } as const;
    return unlessOwned(
      facts.owners,
      thing,
      [image_id],
      `The copy in store ${store_id} is ${state}, and nobody makes it.`,
    );
  });
  const exports = facts.exports.flatMap(({ id, state, image_id }) => {
    if (state !== 'exporting') return [];
    const thing = { invariant: 'state-is-final', resource: 'image export', id } as const;
    return unlessOwned(facts.owners, thing, [id, image_id], 'The image is being exported, and nobody does it.');
  });
  const late = facts.uploads.flatMap(({ image_id: id, state, expires_at }) => {
    const isDue = state === 'checking' || expires_at + expiryGrace < facts.now;
    if (!isDue && facts.images.has(id)) return [];
    const thing = { invariant: 'state-is-final', resource: 'image upload', id } as const;
    return unlessOwned(facts.owners, thing, [id], `The upload is ${state}, and nobody ends it.`);
  });
  return [...images, ...copies, ...exports, ...late];
}

/** Every copy that is said to be there is there, whole. */
export function copiesHaveBytes(facts: Facts): Finding[] {
  const sizes = new Map<string, number>();
  for (const [storeId, { images }] of facts.stores) {
    for (const { imageId, size } of images) sizes.set(`${storeId} ${imageId}`, size);
  }
  const files = facts.exports.flatMap(({ id, store_id, converted, state, url, size }) => {
    if (converted === 0 || state !== 'ready' || url === null || !facts.stores.has(store_id)) return [];
    if (sizes.get(`${store_id} ${id}`) === size) return [];
    const thing = { invariant: 'image-has-bytes', resource: 'image export', id } as const;
    return unlessOwned(facts.owners, thing, [id], `Store ${store_id} does not have the exported file.`);
  });
  const copies = facts.replicas.flatMap(({ image_id, store_id, state, size }) => {
    if ((state !== 'active' && state !== 'deleted') || !facts.stores.has(store_id)) return [];
    const stored = sizes.get(`${store_id} ${image_id}`);
    if (stored !== undefined && stored === size) return [];
    const what = stored === undefined ? 'does not have the image' : `has ${stored} bytes of the image, not ${size}`;
    const thing = { invariant: 'image-has-bytes', resource: 'image', id: image_id } as const;
    return unlessOwned(facts.owners, thing, [image_id], `Store ${store_id} ${what}.`);
  });
  return [...files, ...copies];
}

/** Everything in a store belongs to an image that has a copy there, or to an export of one. */
export function bytesHaveImages(facts: Facts): Finding[] {
  const known = new Set([
    ...facts.replicas.map(({ store_id, image_id }) => `${store_id} ${image_id}`),
    ...facts.exports.map(({ store_id, id }) => `${store_id} ${id}`),
  ]);
  const coming = new Set(facts.uploads.map(({ image_id }) => image_id));
  const uploading = uploads(facts);
  const findings: Finding[] = [];
  for (const [storeId, { images, others }] of facts.stores) {
    for (const { imageId } of images) {
      if (known.has(`${storeId} ${imageId}`)) continue;
      const thing = { invariant: 'bytes-have-image', resource: 'image', id: imageId } as const;
      findings.push(...unlessOwned(facts.owners, thing, [imageId], `Store ${storeId} has bytes that are no image's.`));
    }
    for (const { name, kind, imageId, isLive } of others) {
      if (isLive || (kind === 'upload' && imageId && uploading.has(imageId))) continue;
      if (kind === 'staged' && imageId && coming.has(imageId)) continue;
      const thing = { invariant: 'no-stray-files', resource: 'image store', id: storeId } as const;
      findings.push(...unlessOwned(facts.owners, thing, [imageId], `There is a file ${name} (${kind}) left over.`));
    }
  }
  return findings;
}

/** What hosts keep of images is known. Keeping too much costs room and nothing else. */
export function cachedImagesAreKnown(facts: Facts): Finding[] {
  const findings: Finding[] = [];
  const really = new Set<string>();
  for (const [hostId, { images }] of facts.inventories) {
    for (const id of images) {
      really.add(`${hostId} ${id}`);
      if (facts.cachedImages.has(`${hostId} ${id}`) || facts.owners.of(id)) continue;
      const text = `Host ${hostId} keeps the image for a server that was not made in the end.`;
      findings.push(remainingWork('cached-image-is-known', 'image', id, text));
    }
  }
  for (const { image_id, host_id, id } of facts.disks.values()) {
    if (image_id === null || !facts.inventories.has(host_id) || really.has(`${host_id} ${image_id}`)) continue;
    if (!facts.inventories.get(host_id)!.disks.includes(id)) continue;
    const text = `Host ${host_id} has lost the image that disk ${id} is a layer over.`;
    findings.push(violation('cached-image-is-known', 'image', image_id, text));
  }
  return findings;
}
