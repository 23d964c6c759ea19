import { CloudError } from '../../../cloud/errors.ts';
import { projectOf, type Subject } from '../../../cloud/identity/subject.ts';
import { type ObjectName, objectUrlOf } from '../../../cloud/images/exports/objects.ts';
import { parseId } from '../../../env/env.ts';
import { errorCodes, TransferRefused } from './failure.ts';

const endings = ['.vmdk', '.img.gz', '.qcow2.gz', '.qcow2', '.raw', '.img', '.vhd', '.vhdx', '.vdi'];

const formats: Record<string, string> = {
  '.vmdk': 'vmdk',
  '.img.gz': 'raw',
  '.qcow2.gz': 'qcow2',
  '.qcow2': 'qcow2',
  '.raw': 'raw',
  '.img': 'raw',
  '.vhd': 'vhd',
  '.vhdx': 'vhdx',
  '.vdi': 'vdi',
};

/** Those of expansion storage. */
export const expansionEndings = ['.img.gz', '.qcow2.gz'];

/** `/v1/AUTH_<project>/<container>/<object>` → what is to be fetched, and the format that its name tells. */
export function readLocation(
  subject: Subject,
  location: string,
  allowed: readonly string[] = endings,
): { url: string; diskFormat: string } {
  const match = /^\/v[12]\/AUTH_([^/]+)\/([^/]+)\/([^/]+)$/.exec(location);
  const ending = allowed.find((one) => location.toLowerCase().endsWith(one));
  if (!match || !ending) {
    throw new CloudError(
      'invalid',
      `location is /v1/AUTH_<project>/<container>/<object>, and the object ends in one of ${allowed.join(' ')}.`,
      { field: 'location' },
    );
  }
  const name: ObjectName = { project: projectNamed(subject, match[1]!), container: match[2]!, object: match[3]! };
  return { url: objectUrlOf(name), diskFormat: formats[ending]! };
}

/** `/<bucket>/<object>`, as clients of S3 name what is in a container of the project. */
export function readS3Location(subject: Subject, location: string): { url: string; diskFormat: string } {
  if (!/^\/[^/]+\/[^/]+$/.test(location)) {
    throw new CloudError('invalid', 's3_location is /<bucket>/<object>.', { field: 's3_location' });
  }
  return readLocation(subject, `/v1/AUTH_${projectOf(subject)}${location}`);
}

/** `/v1/AUTH_<project>/<container>` → the container. */
export function readContainer(subject: Subject, text: string): string {
  const match = /^\/v[12]\/AUTH_([^/]+)\/([^/]+)\/?$/.exec(text);
  if (!match) {
    throw new TransferRefused(
      errorCodes.containerInvalid,
      'storage_container is not of the form /v1/AUTH_<project>/<container>.',
    );
  }
  projectNamed(subject, match[1]!);
  return match[2]!;
}

function projectNamed(subject: Subject, text: string): string {
  const project = projectOf(subject);
  if (parseId(text) === project) return project;
  throw new TransferRefused(errorCodes.projectUnknown, `The project ${text} is not the one of the token.`);
}
