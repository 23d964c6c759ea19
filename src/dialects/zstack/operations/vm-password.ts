import { Type as T } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import { uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { operationFailed } from '../protocol/zstack-error.ts';
import { vmExample } from './vm-examples.ts';
import { inAllowedState } from './vm-words.ts';

const changeVmPassword = jobOperation({
  id: 'ChangeVmPassword',
  group: 'VM Instance',
  package: 'header.vm',
  since: '1.0',
  allow: 'member',
  method: 'PUT',
  path: '/vm-instances/{uuid}/actions',
  params: uuidIn('uuid', 'The server.'),
  body: T.Object({
    password: T.String({ minLength: 1, maxLength: 32, description: 'The new password.' }),
    account: T.String({ minLength: 1, maxLength: 255, description: 'Whose password, in the guest.' }),
  }),
  title: 'Change a password in a guest',
  summary: 'Sets the password of an account inside a running guest, by the QEMU guest agent that has to run in it.',
  examples: [
    {
      title: 'Of root',
      params: { uuid: vmExample.uuid },
      body: { changeVmPassword: { account: 'root', password: 'Se-cret-1' } },
      status: 200,
      response: {},
    },
  ],
  handle: async ({ cloud, subject, input: { uuid, account: user, password } }) => {
    const rule = {
      message: 'org.zstack.header.vm.APIChangeVmPasswordMsg',
      allowed: ['Running'],
      code: 'SYS.1006',
    } as const;
    return await inAllowedState(cloud, subject, uuid, rule, async () => {
      try {
        return { actionId: (await cloud.servers.changePassword(subject, uuid, { user, password })).actionId };
      } catch (error) {
        if (!(error instanceof CloudError) || error.details.reason !== 'guest_agent') throw error;
        throw operationFailed(`the guest agent of vm[uuid:${uuid}] does not answer, its password can't be changed`);
      }
    });
  },
});

export const vmPasswordOperations = [changeVmPassword];
