import type { ImageCreateImageBody, NativeBeginImageUploadBody } from '../api/bodies.ts';
import { ApiError, get, messageOf, send } from './api.ts';
import { record } from './recorder.ts';
import { session } from './session.ts';

/** How an upload in parts is, by `GET /unkai/v1/images/{id}/upload`. */
interface PartUpload {
  state: string;
  offset: number;
  error: string | null;
}

export interface UploadProgress {
  /** `waiting`: the connection is broken, and is tried again. `checking`: the cloud looks at what has come. */
  phase: 'sending' | 'waiting' | 'checking';
  /** Bytes that are there. */
  sent: number;
}

export type DiskFormat = NonNullable<ImageCreateImageBody['disk_format']>;

/** So much goes in one request; what breaks off within it is kept all the same. */
const partSize = 64 * 2 ** 20;
/** A connection that fails so often in a row is given up for now. */
const maxFailures = 6;
const firstPauseMs = 500;
const checkEveryMs = 500;
const storageKey = 'unkai.uploads';

/** Which image a file of this machine was being uploaded into: remembered until that has come to an end. */
function broken(): Record<string, string> {
  return JSON.parse(localStorage.getItem(storageKey) ?? '{}') as Record<string, string>;
}

function remember(file: File, imageId: string | undefined): void {
  const { [keyOf(file)]: _, ...others } = broken();
  localStorage.setItem(storageKey, JSON.stringify(imageId ? { ...others, [keyOf(file)]: imageId } : others));
}

function keyOf({ name, size, lastModified }: File): string {
  return [session()?.project.id, name, size, lastModified].join(' ');
}

const pathOf = (id: string) => `/unkai/v1/images/${id}/upload`;

async function show(id: string, signal?: AbortSignal): Promise<PartUpload> {
  return (await get<{ upload: PartUpload }>(pathOf(id), signal)).upload;
}

/** An upload of this very file that broke off, and how far it got. Undefined where there is none. */
export async function findUpload(file: File): Promise<{ imageId: string; offset: number } | undefined> {
  const imageId = broken()[keyOf(file)];
  if (!imageId) return undefined;
  try {
    const { state, offset } = await show(imageId);
    if (state === 'receiving') return { imageId, offset };
  } catch (error) {
    // Nobody could be asked. What is there already, the cloud skips.
    if (!isFinal(error)) return { imageId, offset: 0 };
  }
  remember(file, undefined);
  return undefined;
}

/** Ends an upload that broke off, and what it was for. */
export async function dropUpload(file: File): Promise<void> {
  const imageId = broken()[keyOf(file)];
  remember(file, undefined);
  if (!imageId) return;
  await send({ method: 'DELETE', path: pathOf(imageId) }).catch(() => undefined);
  await send({ method: 'DELETE', path: `/image/v2/images/${imageId}` });
}

/**
 * Sends a file as an image, from where an earlier attempt broke off. A connection that breaks is taken up again some times;
 * then, and when `signal` ends it, what has come stays, and the next call goes on. Throws what the cloud says against it.
 */
export async function uploadImage(
  file: File,
  image: { name: string; format: DiskFormat },
  onProgress: (progress: UploadProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  const { imageId, offset } = (await findUpload(file)) ?? (await begin(file, image));
  let sent = offset;
  let failures = 0;
  while (sent < file.size) {
    try {
      onProgress({ phase: 'sending', sent });
      await sendPart(imageId, file, sent, (count) => onProgress({ phase: 'sending', sent: sent + count }), signal);
      failures = 0;
      sent = Math.min(file.size, sent + partSize);
    } catch (error) {
      if (signal.aborted || isFinal(error) || ++failures > maxFailures) throw error;
      onProgress({ phase: 'waiting', sent });
      await pause(firstPauseMs * 2 ** (failures - 1), signal);
      sent = await show(imageId, signal).then(
        (upload) => (upload.state === 'receiving' ? upload.offset : file.size),
        () => sent,
      );
    }
  }
  onProgress({ phase: 'checking', sent });
  await checked(imageId, signal);
  remember(file, undefined);
}

async function begin(file: File, { name, format }: { name: string; format: DiskFormat }) {
  const about = { name, disk_format: format, container_format: 'bare' } satisfies ImageCreateImageBody;
  const made = await send<{ id: string }>({ method: 'POST', path: '/image/v2/images', body: about });
  const imageId = made.body.id;
  try {
    await send({
      method: 'POST',
      path: pathOf(imageId),
      body: { size: file.size } satisfies NativeBeginImageUploadBody,
    });
  } catch (error) {
    await send({ method: 'DELETE', path: `/image/v2/images/${imageId}` }).catch(() => undefined);
    throw error;
  }
  remember(file, imageId);
  return { imageId, offset: 0 };
}

/** Waits until the cloud has judged what came. An image that it refuses is not kept. */
async function checked(imageId: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const { state, error } = await show(imageId, signal);
    if (state === 'done') return;
    if (state === 'failed') {
      await send({ method: 'DELETE', path: `/image/v2/images/${imageId}` }).catch(() => undefined);
      throw new Error(error ?? state);
    }
    await pause(checkEveryMs, signal);
  }
}

/** The cloud has said no, and will again. A conflict is another part that it still reads, or bytes that it has. */
function isFinal(error: unknown): boolean {
  return error instanceof ApiError && error.status < 500 && error.status !== 409;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
}

/** `fetch` can't tell how far an upload is; XMLHttpRequest can. */
function sendPart(
  imageId: string,
  file: File,
  offset: number,
  onSent: (count: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const path = `${pathOf(imageId)}/parts/${offset}`;
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('PUT', path);
    request.setRequestHeader('X-Auth-Token', session()?.token ?? '');
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.upload.onprogress = ({ loaded }) => onSent(loaded);
    request.onerror = () => reject(new Error('The connection broke.'));
    request.onabort = () => reject(signal.reason as Error);
    request.onload = () => {
      const milliseconds = performance.now() - started;
      record({ at: Date.now(), method: 'PUT', path, headers: {}, status: request.status, milliseconds });
      if (request.status < 300) return resolve();
      const body = JSON.parse(request.responseText || '{}') as unknown;
      reject(new ApiError(request.status, messageOf(body) ?? String(request.status), undefined, body));
    };
    signal.addEventListener('abort', () => request.abort());
    request.send(file.slice(offset, offset + partSize));
  });
}
