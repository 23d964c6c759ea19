import { createReadStream } from 'node:fs';
import type { Cloud } from '../cloud/cloud.ts';
import { CloudError } from '../cloud/errors.ts';
import { operator } from '../cloud/identity/subject.ts';

/** TinyLinux has the same id in every cloud, so that no start, and no second control plane, adds another one. */
export const tinyLinuxId = 'c0ffee11a5e04c1da11a71e711a00501';

/**
 * Puts TinyLinux into a new cloud: a public image of the administrator's project. Goes on with an upload that an earlier
 * start left unfinished. An operator who deletes the image does not find it again after the next start.
 * Throws where it can't be built, with what is missing.
 */
export async function ensureTinyLinux(
  cloud: Cloud,
  options: { cacheDir: string; onProgress?: (text: string) => void },
): Promise<'present' | 'added'> {
  if (!(await isWanted(cloud))) return 'present';
  // Only a new cloud needs the builder.
  const { buildTinyLinux, tinyLinuxMinimumMemory, tinyLinuxVersion } = await import('../../guest/tinylinux.ts');
  const { path, size } = await buildTinyLinux(options);
  const subject = operator();
  await cloud.images
    .create(subject, {
      id: tinyLinuxId,
      name: 'TinyLinux',
      description: `TinyLinux ${tinyLinuxVersion}: a small guest that boots in seconds`,
      visibility: 'public',
      diskFormat: 'qcow2',
      containerFormat: 'bare',
      minDiskGb: 1,
      minMemoryMb: tinyLinuxMinimumMemory,
      platform: 'Linux',
      guestOs: 'Linux',
      properties: { architecture: 'x86_64', os_type: 'linux' },
    })
    .catch(ignore('duplicate'));
  options.onProgress?.('Uploading TinyLinux');
  await cloud.images.upload(subject, tinyLinuxId, createReadStream(path), { sizeHint: size });
  return 'added';
}

/** Not when it is there, or was, or another process is just bringing it. */
async function isWanted(cloud: Cloud): Promise<boolean> {
  const { db } = cloud;
  const row = await db.read.selectFrom('images').select('status').where('id', '=', tinyLinuxId).executeTakeFirst();
  return row === undefined || row.status === 'queued';
}

function ignore(code: CloudError['code']): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof CloudError && error.code === code)) throw error;
  };
}
