import { Type } from 'typebox';
import { AgentError } from '../../../agent/contract.ts';
import { action, span, step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import type { Subject } from '../../identity/subject.ts';
import type { Server } from '../model.ts';
import { transitions } from '../states.ts';
import { forgetPassword } from '../steps/settle.ts';
import { beginTransition, checkTransition, settleServer } from '../transition.ts';

interface Input {
  serverId: string;
  hostId: string;
  user: string;
  /** Until it has been set. */
  adminPass?: string;
}

const setPassword = step<Input>('setPassword', {
  retry: { attempts: 3, backoffMs: 500 },
  async do({ services, input }) {
    const account = { user: input.user, password: input.adminPass! };
    await services.hosts.agent(input.hostId).setGuestPassword(input.serverId, account);
  },
  // Nothing to undo: what the password was nobody knows.
});

export const changePassword = action(
  'server.change-password',
  Type.Object({
    serverId: Type.String(),
    hostId: Type.String(),
    user: Type.String(),
    adminPass: Type.Optional(Type.String()),
  }),
  [span('compute_set_admin_password', [setPassword])],
  {
    async succeeded(tx, { services, input, actionId }) {
      await settleServer(services, tx, input.serverId, { task_state: null });
      await forgetPassword(tx, actionId, input);
    },
    async failed(tx, { services, input, actionId }) {
      await settleServer(services, tx, input.serverId, { task_state: null });
      await forgetPassword(tx, actionId, input);
    },
  },
);

/**
 * Sets a password inside the guest of a server. Throws `conflict` (reason `guest_agent`) where no QEMU guest agent
 * answers in it.
 * @param account.user default: the image's `os_admin_user`, else `root`, or `Administrator` for Windows, as Nova has it
 */
export async function requestChangePassword(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  account: { user?: string; password: string },
) {
  const server = await cloud.servers.get(subject, serverId);
  checkTransition(subject, server, transitions.changePassword);
  if (!(await hasGuestAgent(cloud, server))) {
    throw new CloudError('conflict', 'QEMU guest agent is not enabled', { reason: 'guest_agent' });
  }
  return await beginTransition(cloud, subject, serverId, transitions.changePassword, (_tx, { hostId, hardware }) => ({
    action: changePassword,
    input: { serverId, hostId: hostId!, user: account.user ?? adminUserOf(hardware), adminPass: account.password },
  }));
}

async function hasGuestAgent(cloud: Cloud, { id, hostId }: Server): Promise<boolean> {
  try {
    return await cloud.hosts.agent(hostId!).hasGuestAgent(id);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    // The host is silent for now: the action asks again, and says why where it could not.
    return true;
  }
}

function adminUserOf(hardware: Record<string, string>): string {
  return hardware['os_admin_user'] ?? (hardware['os_type'] === 'windows' ? 'Administrator' : 'root');
}
