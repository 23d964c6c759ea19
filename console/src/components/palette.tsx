import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Command } from 'cmdk';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useCatalogue } from '../explorer/catalogue.ts';
import { search } from '../explorer/search.ts';
import { useSession } from '../lib/session.ts';
import type { Image, Server } from '../lib/types.ts';
import { places } from './shell.tsx';

const maxOperations = 12;
const maxResources = 8;

/** Goes anywhere and finds anything: pages, servers and images at hand, and every operation of every API. */
export function Palette({ onClose }: { onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const client = useQueryClient();
  const current = useSession();
  const [query, setQuery] = useState('');
  const catalogue = useCatalogue();
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => event.key === 'Escape' && onClose();
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [onClose]);
  const go = (to: string) => {
    onClose();
    void navigate({ to: to as '/' });
  };
  const words = query.toLowerCase();
  const has = (...texts: Array<string | null>) => texts.some((text) => text?.toLowerCase().includes(words));
  const servers = (client.getQueryData<Server[]>(['servers', false]) ?? []).filter(({ name, id }) => has(name, id));
  const images = (client.getQueryData<Image[]>(['images', false]) ?? []).filter(({ name, id }) => has(name, id));
  const pages = places.filter((place) => current || place.key === 'explorer').filter(({ key }) => has(t(key), key));
  const operations = query.length > 1 ? search(catalogue, query, i18n.language).slice(0, maxOperations) : [];
  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions lint/a11y/useKeyWithClickEvents: Escape closes it by keyboard */}
      <div className="overlay" onClick={onClose} />
      <div className="dialog wide palette" role="dialog" aria-modal="true" aria-label={t('palette')}>
        <Command shouldFilter={false} label={t('palette')} loop>
          <Command.Input autoFocus value={query} onValueChange={setQuery} placeholder={t('palette')} />
          <Command.List>
            <Command.Empty className="empty">{t('nothingFound')}</Command.Empty>
            {pages.length > 0 && (
              <Command.Group heading={t('pages')}>
                {current && has(t('createServer')) && (
                  <Command.Item className="palette-item" value="create-server" onSelect={() => go('/ui/servers/new')}>
                    {t('createServer')}
                  </Command.Item>
                )}
                {pages.map(({ to, key, icon: Icon }) => (
                  <Command.Item key={key} className="palette-item" value={`page ${key}`} onSelect={() => go(to)}>
                    <Icon size={16} aria-hidden /> {t(key)}
                  </Command.Item>
                ))}
              </Command.Group>
            )}
            {query && servers.length > 0 && (
              <Command.Group heading={t('servers')}>
                {servers.slice(0, maxResources).map(({ id, name }) => (
                  <Command.Item key={id} className="palette-item" value={id} onSelect={() => go(`/ui/servers/${id}`)}>
                    {name} <span className="faint small mono">{id}</span>
                  </Command.Item>
                ))}
              </Command.Group>
            )}
            {query && images.length > 0 && (
              <Command.Group heading={t('images')}>
                {images.slice(0, maxResources).map(({ id, name }) => (
                  <Command.Item key={id} className="palette-item" value={id} onSelect={() => go(`/ui/images/${id}`)}>
                    {name} <span className="faint small mono">{id}</span>
                  </Command.Item>
                ))}
              </Command.Group>
            )}
            {operations.length > 0 && (
              <Command.Group heading={t('operations')}>
                {operations.map(({ key, product, id, method, path, titles }) => (
                  <Command.Item
                    key={key}
                    className="palette-item"
                    value={key}
                    onSelect={() => go(`/explorer/${i18n.language}/${product}/${id}`)}
                  >
                    <span className="verb" data-verb={method}>
                      {method}
                    </span>
                    <span>{titles[i18n.language as 'en'] ?? titles.en}</span>
                    <span className="faint small mono">{path}</span>
                  </Command.Item>
                ))}
              </Command.Group>
            )}
          </Command.List>
        </Command>
      </div>
    </>
  );
}
