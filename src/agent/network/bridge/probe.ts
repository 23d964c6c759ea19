import type { Env } from '../../../env/env.ts';
import { NetworkCommands } from './commands.ts';
import { accept, ct, field, is, meta, set, Table } from './nft.ts';

const needed = ['ip', 'nft', 'dnsmasq', 'nsenter', 'sysctl'];

/**
 * Why this machine can't have bridge networking, or undefined when it can: tried out in a namespace that exists for a
 * moment, since what a kernel or a container allows can't be read anywhere.
 */
export async function bridgeObstacle(env: Env): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'it needs root';
  const commands = new NetworkCommands(env);
  const namespace = `unkai-probe-${env.randomBytes(4).toString('hex')}`;
  try {
    for (const program of needed) {
      await commands.run(undefined, [program, program === 'ip' ? '-V' : '--version']);
    }
    await commands.ip(undefined, [`netns add ${namespace}`]);
  } catch (error) {
    return firstLine(error);
  }
  try {
    await commands.ip(namespace, [
      'link add br-probe type bridge',
      'tuntap add tapprobe mode tap vnet_hdr',
      'link set tapprobe master br-probe up',
      'link add veth-probe type veth peer name veth-peer',
    ]);
    await commands.sysctl(namespace, ['net.bridge.bridge-nf-call-iptables=1']);
    const ports = new Table('bridge', 'unkai_probe');
    ports.chain('prerouting', { type: 'filter', hook: 'prerouting', prio: -300, policy: 'accept' });
    ports.rule('prerouting', is(field('ether', 'type'), 'arp'), set(meta('mark'), 1), accept);
    const connections = new Table('inet', 'unkai_probe');
    connections.chain('forward', { type: 'filter', hook: 'forward', prio: 0, policy: 'accept' });
    connections.rule('forward', is(ct('direction'), 'reply'), accept);
    const nat = new Table('ip', 'unkai_probe');
    nat.chain('postrouting', { type: 'nat', hook: 'postrouting', prio: 100, policy: 'accept' });
    nat.rule('postrouting', is(meta('oifname'), 'veth-probe'), { masquerade: null });
    await commands.nft(namespace, [...ports.commands, ...connections.commands, ...nat.commands]);
    return undefined;
  } catch (error) {
    return firstLine(error);
  } finally {
    await commands.ip(undefined, [`netns del ${namespace}`]).catch(() => {});
  }
}

/** Why this machine can't join networks with other hosts, where it can have them: tried out in the same way. */
export async function tunnelObstacle(env: Env): Promise<string | undefined> {
  const commands = new NetworkCommands(env);
  const namespace = `unkai-probe-${env.randomBytes(4).toString('hex')}`;
  try {
    await commands.run(undefined, ['bridge', '-V']);
    await commands.ip(undefined, [`netns add ${namespace}`]);
  } catch (error) {
    return firstLine(error);
  }
  try {
    await commands.ip(namespace, ['link add vx-probe type vxlan id 1 local 127.0.0.1 dstport 4789 nolearning']);
    return undefined;
  } catch (error) {
    return firstLine(error);
  } finally {
    await commands.ip(undefined, [`netns del ${namespace}`]).catch(() => {});
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]!;
}
