import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { Failed, Loading, PageHead } from '../components/basics.tsx';
import { get } from '../lib/api.ts';
import { useNetworks, useSubnets } from '../lib/queries.ts';
import type { Port, Router, Server } from '../lib/types.ts';

const columnWidth = 160;
const rowHeight = 54;
const top = 84;
const maxServers = 60;
/** A picture wider than its page is made smaller as far as it can still be read; then one scrolls. */
const leastScale = 0.75;

/** Networks as vertical lines, with the routers between them and the servers on them. */
export function Topology() {
  const { t } = useTranslation();
  const networks = useNetworks();
  const subnets = useSubnets().data ?? [];
  const routers = useQuery({
    queryKey: ['routers'],
    queryFn: async () => (await get<{ routers: Router[] }>('/network/v2.0/routers')).routers,
  }).data;
  const ports = useQuery({
    queryKey: ['ports'],
    queryFn: async () => (await get<{ ports: Port[] }>('/network/v2.0/ports')).ports,
  }).data;
  const servers = useQuery({
    queryKey: ['servers', 'names'],
    queryFn: async () => (await get<{ servers: Server[] }>('/compute/v2.1/servers?limit=1000')).servers,
  }).data;
  if (networks.error) return <Failed error={networks.error} />;
  if (!networks.data || !routers || !ports || !servers) return <Loading />;
  const lines = networks.data.toSorted((a, b) => Number(b['router:external']) - Number(a['router:external']));
  const x = new Map(lines.map((network, index) => [network.id, 90 + index * columnWidth]));
  const colours = ['#2f6fe0', '#0e8f8a', '#8a5cd6', '#c2640f', '#b3266e', '#4b7d12'];
  const nodes = [
    ...routers.map((router) => ({
      id: router.id,
      name: router.name,
      kind: 'router',
      to: '/ui/r/routers',
      links: [
        ...(router.external_gateway_info ? [{ network: router.external_gateway_info.network_id, address: '' }] : []),
        ...ports
          .filter((port) => port.device_id === router.id && port.device_owner.includes('interface'))
          .map((port) => ({ network: port.network_id, address: port.fixed_ips[0]?.ip_address ?? '' })),
      ],
    })),
    ...servers.slice(0, maxServers).map((server) => ({
      id: server.id,
      name: server.name,
      kind: 'server',
      to: `/ui/servers/${server.id}`,
      links: ports
        .filter((port) => port.device_id === server.id)
        .map((port) => ({ network: port.network_id, address: port.fixed_ips[0]?.ip_address ?? '' })),
    })),
  ];
  const height = top + Math.max(3, nodes.length) * rowHeight + 30;
  const nodeX = 90 + (lines.length - 1) * columnWidth + 110;
  const width = Math.max(640, nodeX + 190);
  return (
    <div className="page">
      <PageHead title={t('topology')} text={t('topologyText')} />
      <div className="card" style={{ overflow: 'auto' }}>
        <svg
          className="topology"
          viewBox={`0 0 ${width} ${height}`}
          style={{ width: `min(${width}px, max(100%, ${Math.round(width * leastScale)}px))` }}
          role="group"
          aria-label={t('topologyOf', { networks: lines.length, nodes: nodes.length })}
        >
          {lines.map((network, index) => {
            const at = x.get(network.id)!;
            const cidrs = subnets.filter(({ network_id }) => network_id === network.id).map(({ cidr }) => cidr);
            return (
              <g key={network.id}>
                <rect
                  x={at - 5}
                  y={top - 16}
                  width={10}
                  height={height - top - 4}
                  rx={5}
                  fill={colours[index % colours.length]}
                />
                <text x={at} y={28} textAnchor="middle" fontWeight="600">
                  {network.name || network.id.slice(0, 8)}
                </text>
                <text x={at} y={45} textAnchor="middle" className="sub">
                  {cidrs.join(', ')}
                </text>
                {network['router:external'] && (
                  <text x={at} y={60} textAnchor="middle" className="sub">
                    {t('external')}
                  </text>
                )}
              </g>
            );
          })}
          {nodes.map((node, row) => {
            const y = top + row * rowHeight + 14;
            return (
              <g key={node.id}>
                {node.links.map(({ network, address }) => {
                  const from = x.get(network);
                  if (from === undefined) return null;
                  const colour = colours[lines.findIndex(({ id }) => id === network) % colours.length];
                  return (
                    <g key={network + address}>
                      <line x1={from} y1={y} x2={nodeX} y2={y} stroke={colour} strokeWidth={2.5} opacity={0.8} />
                      <circle cx={from} cy={y} r={4} fill="var(--surface)" stroke={colour} strokeWidth={2.5} />
                      <text x={from + 10} y={y - 6} className="sub">
                        {address}
                      </text>
                    </g>
                  );
                })}
                <Link to={node.to as '/'}>
                  <rect
                    x={nodeX}
                    y={y - 18}
                    width={170}
                    height={36}
                    rx={9}
                    fill={node.kind === 'router' ? 'var(--accent-soft)' : 'var(--surface)'}
                    stroke="var(--line-strong)"
                  />
                  <text x={nodeX + 14} y={y + 5} fontWeight="560">
                    {node.kind === 'router' ? '⇄ ' : '▣ '}
                    {node.name.length > 17 ? `${node.name.slice(0, 16)}…` : node.name}
                  </text>
                </Link>
              </g>
            );
          })}
        </svg>
      </div>
    </div>
  );
}
