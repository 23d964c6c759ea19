import { useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useLocation, useNavigate } from '@tanstack/react-router';
import {
  Blocks,
  Boxes,
  Camera,
  CircleDot,
  Compass,
  Cpu,
  Database,
  Disc3,
  Gauge,
  Globe,
  Group,
  HardDrive,
  House,
  KeyRound,
  ListVideo,
  LogOut,
  Map as MapIcon,
  MapPinned,
  Menu,
  Monitor,
  Moon,
  Network,
  Router,
  Search,
  Server,
  Shield,
  Stethoscope,
  Sun,
  SunMoon,
  UserCog,
  Users,
  Zap,
} from 'lucide-react';
import { DropdownMenu } from 'radix-ui';
import { lazy, Suspense, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Language, languages, setLanguage } from '../i18n/index.ts';
import { whenIdle } from '../lib/idle.ts';
import { useLiveActivity } from '../lib/live.ts';
import { setTheme, type Theme, useTheme } from '../lib/preferences.ts';
import { useSession } from '../lib/session.ts';
import { myProjects, type Project, signOut, switchProject } from '../lib/sign-in.ts';
import { Loading } from './basics.tsx';

const Palette = lazy(async () => ({ default: (await import('./palette.tsx')).Palette }));

export const places = [
  { group: 'navCompute', to: '/ui/servers', key: 'servers', icon: Server },
  { group: 'navCompute', to: '/ui/images', key: 'images', icon: Disc3 },
  { group: 'navCompute', to: '/ui/r/flavors', key: 'flavors', icon: Cpu },
  { group: 'navCompute', to: '/ui/r/keypairs', key: 'keypairs', icon: KeyRound },
  { group: 'navCompute', to: '/ui/r/servergroups', key: 'servergroups', icon: Group },
  { group: 'navStorage', to: '/ui/r/volumes', key: 'volumes', icon: HardDrive },
  { group: 'navStorage', to: '/ui/r/snapshots', key: 'snapshots', icon: Camera },
  { group: 'navNetwork', to: '/ui/topology', key: 'topology', icon: MapIcon },
  { group: 'navNetwork', to: '/ui/r/networks', key: 'networks', icon: Network },
  { group: 'navNetwork', to: '/ui/r/subnets', key: 'subnets', icon: Boxes },
  { group: 'navNetwork', to: '/ui/r/routers', key: 'routers', icon: Router },
  { group: 'navNetwork', to: '/ui/r/floatingips', key: 'floatingips', icon: Globe },
  { group: 'navNetwork', to: '/ui/r/securitygroups', key: 'securitygroups', icon: Shield },
  { group: 'navNetwork', to: '/ui/r/ports', key: 'ports', icon: CircleDot },
  { group: 'navAdmin', to: '/ui/r/hosts', key: 'hosts', icon: Monitor, isAdmin: true },
  { group: 'navAdmin', to: '/ui/r/projects', key: 'projects', icon: Boxes, isAdmin: true },
  { group: 'navAdmin', to: '/ui/r/users', key: 'users', icon: Users, isAdmin: true },
  { group: 'navAdmin', to: '/ui/r/roles', key: 'roles', icon: UserCog, isAdmin: true },
  { group: 'navAdmin', to: '/ui/r/zones', key: 'zones', icon: MapPinned, isAdmin: true },
  { group: 'navAdmin', to: '/ui/r/stores', key: 'stores', icon: Database, isAdmin: true },
  { group: 'navAdmin', to: '/ui/r/services', key: 'services', icon: Blocks, isAdmin: true },
  { group: 'navAdmin', to: '/ui/r/audit', key: 'audit', icon: Stethoscope, isAdmin: true },
  { group: 'navAdmin', to: '/ui/r/faults', key: 'faults', icon: Zap, isAdmin: true },
  { group: 'navTools', to: '/ui/quotas', key: 'quotas', icon: Gauge },
  { group: 'navTools', to: '/ui/recorder', key: 'recorder', icon: ListVideo },
  { group: 'navTools', to: '/explorer', key: 'explorer', icon: Compass },
] as const;

/** Where people go next: those pages are there when they do. */
function loadAhead(): void {
  void import('../pages/servers.tsx');
  void import('../pages/server.tsx');
  void import('../pages/images.tsx');
  void import('../resources/resource-list.tsx');
}

/** The frame of every page: where one can go, who one is, and the way to anything by Ctrl-K. */
export function Shell() {
  const { t } = useTranslation();
  const current = useSession();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const [isMenuOpen, setMenuOpen] = useState(false);
  const [isPaletteOpen, setPaletteOpen] = useState(false);
  useLiveActivity();
  const isSignedIn = current !== null;
  useEffect(() => (isSignedIn ? whenIdle(loadAhead) : undefined), [isSignedIn]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the menu of a small screen closes when one has got there
  useEffect(() => setMenuOpen(false), [pathname]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      setPaletteOpen(true);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  const isExplorer = pathname.startsWith('/explorer');
  useEffect(() => {
    if (!current && !isExplorer)
      void navigate({ to: '/sign-in' as '/', search: { next: location.pathname } as never, replace: true });
  }, [current, isExplorer, navigate]);
  if (!current && !isExplorer) return null;
  const shown = places.filter(
    (place) => (!('isAdmin' in place) || current?.isAdmin) && (current || place.key === 'explorer'),
  );
  const groups = [...new Set(shown.map(({ group }) => group))];
  return (
    <div className="shell">
      <a className="skip" href="#content">
        {t('skip')}
      </a>
      <Link to="/ui/home" className="brand">
        <img src="/favicon.svg" alt="" /> Unkai <span lang="ja">雲海</span>
      </Link>
      <header className="topbar">
        <button
          type="button"
          className="button ghost icon menu-button"
          aria-label={t('menu')}
          aria-expanded={isMenuOpen}
          onClick={() => setMenuOpen(!isMenuOpen)}
        >
          <Menu size={18} aria-hidden />
        </button>
        <button type="button" className="search-button" onClick={() => setPaletteOpen(true)} aria-label={t('palette')}>
          <Search size={15} aria-hidden />
          <span>{t('palette')}</span>
          <kbd>Ctrl K</kbd>
        </button>
        <span className="spring" />
        {current && <ProjectMenu />}
        <LanguageMenu />
        <ThemeMenu />
        {current ? (
          <button
            type="button"
            className="button ghost icon"
            aria-label={t('signOut')}
            title={t('signOut')}
            onClick={() => void signOut()}
          >
            <LogOut size={17} aria-hidden />
          </button>
        ) : (
          <Link to={'/sign-in' as '/'} className="button">
            {t('signIn')}
          </Link>
        )}
      </header>
      <nav className={isMenuOpen ? 'sidebar open' : 'sidebar'} aria-label={t('mainMenu')}>
        {current && (
          <Link to="/ui/home">
            <House size={17} aria-hidden /> {t('home')}
          </Link>
        )}
        {groups.map((group) => (
          <section key={group}>
            <h2>{t(group)}</h2>
            {shown
              .filter((place) => place.group === group)
              .map(({ to, key, icon: Icon }) => (
                <Link key={key} to={to as '/'}>
                  <Icon size={17} aria-hidden /> {t(key)}
                </Link>
              ))}
          </section>
        ))}
      </nav>
      <main className="content" id="content" tabIndex={-1}>
        <Suspense fallback={<Loading />}>
          <Outlet />
        </Suspense>
      </main>
      {isPaletteOpen && (
        <Suspense>
          <Palette onClose={() => setPaletteOpen(false)} />
        </Suspense>
      )}
    </div>
  );
}

function ProjectMenu() {
  const { t } = useTranslation();
  const current = useSession();
  const client = useQueryClient();
  const [projects, setProjects] = useState<Project[]>([]);
  if (!current) return null;
  const change = async (id: string) => {
    await switchProject(id);
    await client.resetQueries();
  };
  return (
    <DropdownMenu.Root onOpenChange={(isOpen) => isOpen && void myProjects().then(setProjects)}>
      <DropdownMenu.Trigger asChild>
        <button type="button" className="button ghost" aria-label={t('projectIs', { name: current.project.name })}>
          <Boxes size={16} aria-hidden /> <span className="project">{current.project.name}</span>
          <span className="faint small user">{current.user.name}</span>
        </button>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end">
          <DropdownMenu.RadioGroup value={current.project.id} onValueChange={(id) => void change(id)}>
            {projects.map(({ id, name }) => (
              <DropdownMenu.RadioItem key={id} value={id}>
                <span style={{ width: 12 }}>{id === current.project.id ? '✓' : ''}</span> {name}
              </DropdownMenu.RadioItem>
            ))}
          </DropdownMenu.RadioGroup>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

function LanguageMenu() {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const { pathname, hash } = useLocation();
  const change = async (language: string) => {
    await setLanguage(language as Language);
    // An explorer page has its language in its address; everything else of the page stays.
    if (/^\/explorer\/[^/]+\//.test(pathname)) {
      const to = pathname.replace(/^\/explorer\/[^/]+/, `/explorer/${language}`);
      void navigate({ to: to as '/', hash, replace: true, resetScroll: false });
    }
  };
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger asChild>
        <button type="button" className="button ghost" aria-label={t('language')}>
          <Globe size={16} aria-hidden /> {i18n.language === 'zh-CN' ? '中' : i18n.language === 'ja' ? '日' : 'EN'}
        </button>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end">
          <DropdownMenu.RadioGroup value={i18n.language} onValueChange={(language) => void change(language)}>
            {Object.entries(languages).map(([tag, name]) => (
              <DropdownMenu.RadioItem key={tag} value={tag} lang={tag}>
                {name}
              </DropdownMenu.RadioItem>
            ))}
          </DropdownMenu.RadioGroup>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

function ThemeMenu() {
  const { t } = useTranslation();
  const chosen = useTheme();
  const icons = { light: Sun, dark: Moon, system: SunMoon };
  const Icon = icons[chosen];
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger asChild>
        <button type="button" className="button ghost icon" aria-label={t('theme')}>
          <Icon size={17} aria-hidden />
        </button>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end">
          <DropdownMenu.RadioGroup value={chosen} onValueChange={(next) => setTheme(next as Theme)}>
            {(['light', 'dark', 'system'] as const).map((one) => {
              const Picture = icons[one];
              return (
                <DropdownMenu.RadioItem key={one} value={one}>
                  <Picture size={15} aria-hidden /> {t(`theme.${one}`)}
                </DropdownMenu.RadioItem>
              );
            })}
          </DropdownMenu.RadioGroup>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
