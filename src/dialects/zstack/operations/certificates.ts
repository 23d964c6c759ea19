import { Type as T } from 'typebox';
import { certificate, loadBalancerListener } from '../inventories/load-balancer.ts';
import { descriptionField, nameField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { queryOperations } from '../query/query-operations.ts';
import { certificateExample, listenerExample } from './load-balancer-examples.ts';
import { change, creationExample, deletion } from './simple-operations.ts';

const certificates = { group: 'Certificate', package: 'network.service.lb', since: '2.3', allow: 'member' } as const;
const ofListener = uuidIn('listenerUuid', 'The listener.');
const named = T.Object({ certificateUuid: T.String({ maxLength: 64, description: 'The certificate.' }) });
const thisListener = { listenerUuid: listenerExample.uuid };
const thisCertificate = { certificateUuid: certificateExample.uuid };
const secure = { ...listenerExample, loadBalancerPort: 443, protocol: 'https' };

const createCertificate = jobOperation({
  ...certificates,
  id: 'CreateCertificate',
  creates: 'certificate',
  method: 'POST',
  path: '/certificates',
  body: T.Object({
    name: nameField,
    description: descriptionField,
    certificate: T.String({
      minLength: 1,
      maxLength: 60_000,
      description: 'The certificate, those that vouch for it, and its private key without a passphrase, in PEM.',
    }),
  }),
  result: certificate,
  title: 'Create a certificate',
  summary: 'For listeners of https. Its key is kept encrypted, and shown to nobody again.',
  examples: [
    creationExample(
      'With its key',
      {
        name: certificateExample.name,
        certificate: `${certificateExample.certificate}-----BEGIN PRIVATE KEY-----\nMIGH…\n-----END PRIVATE KEY-----\n`,
      },
      certificateExample,
    ),
  ],
  handle: async ({ cloud, subject, input: { resourceUuid: id, name, description, certificate: pem } }) => ({
    uuid: await cloud.loadBalancers.certificates.create(subject, { id, name, description, pem }),
  }),
});

const addCertificateToLoadBalancerListener = jobOperation({
  ...certificates,
  id: 'AddCertificateToLoadBalancerListener',
  method: 'POST',
  path: '/load-balancers/listeners/{listenerUuid}/certificate',
  params: ofListener,
  body: named,
  result: loadBalancerListener,
  title: 'Add a certificate to a listener',
  summary: 'The listener speaks https, and has no other certificate.',
  examples: [creationExample('Add', thisCertificate, secure, thisListener)],
  handle: async ({ cloud, subject, input: { listenerUuid, certificateUuid } }) => {
    await cloud.loadBalancers.listeners.addCertificate(subject, listenerUuid, certificateUuid);
    return { uuid: listenerUuid };
  },
});

const removeCertificateFromLoadBalancerListener = jobOperation({
  ...certificates,
  id: 'RemoveCertificateFromLoadBalancerListener',
  method: 'DELETE',
  path: '/load-balancers/listeners/{listenerUuid}/certificate',
  params: ofListener,
  query: named,
  result: loadBalancerListener,
  title: 'Remove a certificate from a listener',
  summary: 'The listener serves nothing until it has another one.',
  examples: [
    {
      title: 'Remove',
      params: thisListener,
      query: thisCertificate,
      status: 200,
      response: { inventory: secure, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { listenerUuid, certificateUuid } }) => {
    await cloud.loadBalancers.listeners.removeCertificate(subject, listenerUuid, certificateUuid);
    return { uuid: listenerUuid };
  },
});

export const certificateOperations = [
  createCertificate,
  addCertificateToLoadBalancerListener,
  removeCertificateFromLoadBalancerListener,
  change({
    ...certificates,
    id: 'UpdateCertificate',
    path: '/certificates/{uuid}/actions',
    result: certificate,
    title: 'Change a certificate',
    summary: 'Changes its name or description.',
    example: certificateExample,
    apply: async ({ cloud, subject, input: { uuid, name, description } }) => {
      await cloud.loadBalancers.certificates.update(subject, uuid, { name, description });
      return undefined;
    },
  }),
  deletion({
    ...certificates,
    id: 'DeleteCertificate',
    path: '/certificates/{uuid}',
    title: 'Delete a certificate',
    summary: 'One that no listener has.',
    example: certificateExample,
    remove: async ({ cloud, subject, input: { uuid } }) => {
      await cloud.loadBalancers.certificates.delete(subject, uuid);
      return undefined;
    },
  }),
  ...queryOperations(certificate, {
    id: 'QueryCertificate',
    group: certificates.group,
    package: certificates.package,
    path: '/certificates',
    since: '2.3',
    title: 'Query certificates',
    example: certificateExample,
  }),
];
