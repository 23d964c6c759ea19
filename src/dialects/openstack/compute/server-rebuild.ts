import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { RebuildRequest } from '../../../cloud/servers/transitions/rebuild.ts';
import { withDashes } from '../../../env/env.ts';
import { type KnownIn, knownMembers, minorOf } from './microversions.ts';
import { presentBasics } from './present-servers.ts';
import { profileOf } from './profile.ts';
import {
  canonicalIpv6,
  Hostname,
  hostnameOf,
  refuseCertificates,
  TrustedCertificates,
} from './server-later-members.ts';
import { checkMetadata } from './server-metadata-rules.ts';
import { checkBase64, checkPersonality, newPassword, serverName } from './server-request.ts';
import {
  accessIPv4,
  accessIPv6,
  adminPass,
  description,
  diskConfig,
  metadata,
  name,
  personality,
  ServerDocument,
} from './server-schemas.ts';
import {
  BooleanOrWord,
  booleanOf,
  closed,
  exampleImageId,
  exampleServer,
  imageIdOf,
  type Of,
  ServerParams,
  serverIdOf,
} from './wire.ts';

const RebuildBody = closed({
  imageRef: Type.String({ description: 'The image of the new root disk.' }),
  name: Type.Optional(name),
  adminPass,
  metadata: Type.Optional(metadata),
  personality,
  'OS-DCF:diskConfig': diskConfig,
  accessIPv4,
  accessIPv6,
  preserve_ephemeral: Type.Optional(BooleanOrWord),
  description,
  key_name: Type.Optional(
    Type.Unsafe<string | null>({
      type: ['string', 'null'],
      minLength: 1,
      maxLength: 255,
      description: 'From 2.54 on.',
    }),
  ),
  user_data: Type.Optional(
    Type.Unsafe<string | null>({ type: ['string', 'null'], maxLength: 65535, description: 'Base64; from 2.57 on.' }),
  ),
  trusted_image_certificates: Type.Optional(TrustedCertificates),
  hostname: Type.Optional(Hostname),
});

const knownIn: { [K in keyof Of<typeof RebuildBody>]?: KnownIn } = {
  personality: [1, 56],
  description: [19],
  key_name: [54],
  user_data: [57],
  trusted_image_certificates: [63],
  hostname: [90],
};

export const rebuildServer = operation({
  id: 'RebuildServer',
  dialect: 'compute',
  group: 'server actions',
  method: 'POST',
  path: '/servers/{server_id}/action',
  bodyKey: 'rebuild',
  since: '2.1',
  mode: 'async',
  allow: 'member',
  params: ServerParams,
  body: RebuildBody,
  responses: { 202: ServerDocument },
  errors: [400, 401, 403, 404, 409],
  title: 'Rebuild a server',
  summary:
    'Gives the server a fresh root disk from an image. Its id, addresses and volumes stay. A server that is stopped is ' +
    'stopped again when it is done. What is on the old disk is lost. Of a server that boots from a volume, the volume is ' +
    'written anew from 2.93 on; before, only the image that it was made of is taken, and the volume stays as it is.',
  examples: [
    {
      title: 'From another image',
      params: exampleServer,
      body: { rebuild: { imageRef: exampleImageId } },
      status: 202,
    },
    {
      title: 'With a new name, password and metadata',
      params: exampleServer,
      body: {
        rebuild: {
          imageRef: exampleImageId,
          name: 'foobar',
          adminPass: 'seekr3t',
          accessIPv4: '1.2.3.4',
          accessIPv6: 'fe80::100',
          metadata: { 'meta var': 'meta val' },
        },
      },
      status: 202,
    },
  ],
  async handle(call) {
    const { cloud, subject, context } = call;
    const request = await readRequest(call, call.body);
    const { server } = await cloud.servers.rebuild(subject, serverIdOf(call), request).catch(inWordsOfRebuild);
    const shown: Partial<Awaited<ReturnType<typeof presentBasics>>> & object = await presentBasics(call, server);
    const {
      'OS-DCF:diskConfig': tellsDiskConfig,
      'OS-EXT-SRV-ATTR:user_data': _,
      ...view
    } = {
      'OS-EXT-SRV-ATTR:user_data': undefined,
      ...shown,
    };
    const minor = minorOf(context);
    const extension = {
      ...(profileOf(context).rebuildTellsDiskConfig ? { 'OS-DCF:diskConfig': tellsDiskConfig } : {}),
      ...(minor >= 54 ? { key_name: server.keyName } : {}),
      ...(minor >= 57 ? { user_data: server.userData } : {}),
    };
    return {
      headers: { location: `${call.base}/servers/${withDashes(server.id)}` },
      body: { server: { ...view, ...extension, adminPass: request.adminPass } },
    };
  },
});

async function readRequest(
  call: Pick<Call, 'cloud' | 'subject' | 'context'>,
  body: Of<typeof RebuildBody>,
): Promise<RebuildRequest> {
  const { context } = call;
  const wanted = knownMembers(context, 'rebuild', body, knownIn);
  await checkPersonality(call, wanted.personality);
  if (typeof wanted.user_data === 'string') checkBase64('user_data', wanted.user_data);
  refuseCertificates(wanted.trusted_image_certificates);
  await checkMetadata(call, wanted.metadata);
  if (wanted.preserve_ephemeral !== undefined && booleanOf('preserve_ephemeral', wanted.preserve_ephemeral)) {
    const words = 'The current driver does not support preserving ephemeral partitions.';
    throw new CloudError('invalid', words, { field: 'preserve_ephemeral' });
  }
  const imageId = imageIdOf(context, wanted.imageRef);
  if (imageId === undefined) throw new CloudError('invalid', 'Invalid imageRef provided.', { field: 'imageRef' });
  return {
    imageId,
    name: wanted.name === undefined ? undefined : serverName(context, wanted.name),
    description: wanted.description,
    metadata: wanted.metadata,
    accessIpv4: wanted.accessIPv4 ?? undefined,
    accessIpv6: wanted.accessIPv6 ? canonicalIpv6(wanted.accessIPv6) : undefined,
    adminPass: wanted.adminPass ?? newPassword(call.cloud.env),
    diskConfig: wanted['OS-DCF:diskConfig'],
    personality: wanted.personality,
    keyName: wanted.key_name,
    userData: wanted.user_data,
    hostname: wanted.hostname === undefined ? undefined : hostnameOf(context, wanted.hostname),
    reimageBootVolume: minorOf(context) >= 93,
  };
}

function inWordsOfRebuild(error: unknown): never {
  if (!(error instanceof CloudError) || error.details.reason !== 'image_not_found') throw error;
  throw new CloudError('invalid', 'Cannot find image for rebuild', { ...error.details, cause: error });
}
