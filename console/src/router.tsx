import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import { session } from './lib/session.ts';

/** What lists keep in their address. */
export interface ListSearch {
  q?: string;
  status?: string;
  all?: boolean;
  tab?: string;
  project?: string;
}

function listSearch(search: Record<string, unknown>): ListSearch {
  const text = (name: string) =>
    typeof search[name] === 'string' && search[name] ? (search[name] as string) : undefined;
  return {
    q: text('q'),
    status: text('status'),
    tab: text('tab'),
    project: text('project'),
    all: search['all'] === true || undefined,
  };
}

const root = createRootRoute({ component: Outlet });

const index = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: (session() ? '/ui/home' : '/sign-in') as '/' });
  },
});

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: (search: Record<string, unknown>): { next?: string } => ({
    // Only places within the console: a link must not lead elsewhere.
    next: typeof search['next'] === 'string' && /^\/(ui|explorer)\//.test(search['next']) ? search['next'] : undefined,
  }),
  component: lazyRouteComponent(() => import('./pages/sign-in.tsx'), 'SignIn'),
});

const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  // Who signs in needs none of it yet.
  component: lazyRouteComponent(() => import('./components/shell.tsx'), 'Shell'),
});

function page<Path extends string>(path: Path, load: () => Promise<Record<string, unknown>>, name: string) {
  return createRoute({
    getParentRoute: () => shell,
    path,
    validateSearch: listSearch,
    component: lazyRouteComponent(load as () => Promise<Record<string, () => React.ReactNode>>, name),
  });
}

const ui = createRoute({
  getParentRoute: () => shell,
  path: '/ui',
  beforeLoad: () => {
    throw redirect({ to: '/ui/home' as '/' });
  },
});

const tree = root.addChildren([
  index,
  signIn,
  shell.addChildren([
    ui,
    page('/ui/home', () => import('./pages/home.tsx'), 'Home'),
    page('/ui/servers', () => import('./pages/servers.tsx'), 'Servers'),
    page('/ui/servers/new', () => import('./pages/server-create.tsx'), 'ServerCreate'),
    page('/ui/servers/$id', () => import('./pages/server.tsx'), 'ServerPage'),
    page('/ui/images', () => import('./pages/images.tsx'), 'Images'),
    page('/ui/images/$id', () => import('./pages/image.tsx'), 'ImagePage'),
    page('/ui/r/$kind', () => import('./resources/resource-list.tsx'), 'ResourceList'),
    page('/ui/r/hosts/$id', () => import('./pages/host.tsx'), 'HostPage'),
    page('/ui/topology', () => import('./pages/topology.tsx'), 'Topology'),
    page('/ui/quotas', () => import('./pages/quotas.tsx'), 'Quotas'),
    page('/ui/recorder', () => import('./pages/recorder.tsx'), 'Recorder'),
    page('/explorer', () => import('./explorer/explorer-home.tsx'), 'ExplorerHome'),
    page('/explorer/$lang/$product', () => import('./explorer/explorer-home.tsx'), 'ExplorerHome'),
    page('/explorer/$lang/$product/$operation', () => import('./explorer/operation-page.tsx'), 'OperationPage'),
  ]),
]);

export const router = createRouter({ routeTree: tree, defaultPreload: 'intent', scrollRestoration: true });
