import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { EllipsisVertical, Plus, RotateCw } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Code, PageHead } from '../components/basics.tsx';
import { BulkBar, tell } from '../components/bulk-bar.tsx';
import { Dialog } from '../components/dialog.tsx';
import { FormDialog } from '../components/form.tsx';
import { ActionMenu } from '../components/menu.tsx';
import { Table } from '../components/table.tsx';
import { toast } from '../components/toast.tsx';
import { type ApiCall, get, send } from '../lib/api.ts';
import { sendAll } from '../lib/send-all.ts';
import { useSession } from '../lib/session.ts';
import type { ListSearch } from '../router.tsx';
import { resourceOf } from './registry.ts';
import type { Context, ResourceForm, Row, RowAction, Translate } from './resource.ts';
import { text } from './resource.ts';

/** The list of any kind of resource, as its definition has it: look for, make, change, delete. */
export function ResourceList() {
  const { kind } = useParams({ strict: false }) as { kind: string };
  return <List key={kind} kind={kind} />;
}

function useRows(kind: string, isWanted = true) {
  const current = useSession();
  const resource = resourceOf(kind);
  return useQuery({
    queryKey: [kind, 'rows'],
    enabled: isWanted && resource !== undefined && current !== null,
    queryFn: async ({ signal }) => resource!.rows(await get(resource!.path(current!), signal)),
  });
}

/** Other lists that forms choose from; read when a form opens. */
function useOptions(needs: readonly string[], isWanted: boolean): Context['options'] {
  const lists = [
    useRows(needs[0] ?? 'none', isWanted && needs.length > 0),
    useRows(needs[1] ?? 'none', isWanted && needs.length > 1),
    useRows(needs[2] ?? 'none', isWanted && needs.length > 2),
    useRows(needs[3] ?? 'none', isWanted && needs.length > 3),
  ];
  return (list) =>
    (lists[needs.indexOf(list)]?.data ?? []).map((row) => ({
      value: row.id,
      label: text(row, 'name') || text(row, 'floating_ip_address') || row.id,
    }));
}

function List({ kind }: { kind: string }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const client = useQueryClient();
  const { q = '' } = useSearch({ strict: false }) as ListSearch;
  const current = useSession();
  const resource = resourceOf(kind);
  const { data, error, refetch } = useRows(kind);
  const [form, setForm] = useState<'create' | { row: Row; action: string }>();
  const [revealed, setRevealed] = useState<string>();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const options = useOptions(resource?.needs ?? [], form !== undefined);
  if (!resource || !current) return <div className="empty">{t('notFound')}</div>;
  const context: Context = { t: t as unknown as Translate, session: current, options };
  const refresh = () => client.invalidateQueries({ queryKey: [kind] });
  const actionsOf = (row: Row): RowAction[] => resource.actions?.(row, context) ?? [];
  const run = async (call: ApiCall, words: string) => {
    await send(call);
    toast('good', words);
    await refresh();
  };
  const act = (row: Row, action: RowAction) => {
    if (action.form) return setForm({ row, action: action.id });
    if (action.call)
      void run(action.call, t('done', { action: action.label })).catch((failure: Error) =>
        toast('bad', failure.message),
      );
  };
  const removable = [...selected].flatMap((id) => {
    const row = data?.find((one) => one.id === id);
    const action = row && actionsOf(row).find((one) => one.id === 'delete' && !one.why);
    return action?.form ? [action.form.toCall({})] : [];
  });
  const removeAll = async () => {
    tell((await sendAll(removable)).failures);
    setSelected(new Set());
    await refresh();
  };
  const open: ResourceForm | undefined =
    form === 'create'
      ? resource.create?.(context)
      : form && actionsOf(form.row).find(({ id }) => id === form.action)?.form;
  const columns = [
    ...resource.columns(context),
    ...(resource.actions
      ? [
          {
            id: 'actions',
            title: '',
            width: '58px',
            cell: (row: Row) => {
              const actions = actionsOf(row);
              if (actions.length === 0) return null;
              return (
                <ActionMenu
                  label={t('actionsFor', { name: text(row, 'name') || row.id })}
                  icon={<EllipsisVertical size={17} aria-hidden />}
                  actions={() => actions.map((action) => ({ ...action, run: () => act(row, action) }))}
                />
              );
            },
          },
        ]
      : []),
  ];
  return (
    <div className="page full">
      <PageHead title={t(kind)} text={t(`${kind}Text`)}>
        <button type="button" className="button icon" aria-label={t('refresh')} onClick={() => void refetch()}>
          <RotateCw size={16} aria-hidden />
        </button>
        {resource.create && (
          <button type="button" className="button primary" onClick={() => setForm('create')}>
            <Plus size={16} aria-hidden /> {resource.create(context).title}
          </button>
        )}
      </PageHead>
      <Table
        label={t(kind)}
        rows={data}
        error={error}
        retry={() => void refetch()}
        columns={columns}
        id={(row) => row.id}
        empty={resource.empty && <p>{t(resource.empty)}</p>}
        query={q}
        onQuery={(value) =>
          void navigate({ search: ((old: ListSearch) => ({ ...old, q: value || undefined })) as never, replace: true })
        }
        selected={resource.actions ? selected : undefined}
        onSelect={resource.actions ? setSelected : undefined}
        bulk={
          <BulkBar
            count={selected.size}
            actions={removable.length > 0 ? [{ id: 'delete', run: () => void removeAll() }] : []}
          />
        }
      />
      {open && (
        <FormDialog
          open
          onClose={() => setForm(undefined)}
          title={open.title}
          text={open.text}
          fields={open.fields}
          toCall={open.toCall}
          danger={open.danger}
          submitLabel={open.title}
          submit={async (call) => {
            const { body } = await send(call);
            toast('good', t('done', { action: open.title }));
            setRevealed(open.reveal?.(body));
            await refresh();
          }}
        />
      )}
      <Dialog
        open={revealed !== undefined}
        onClose={() => setRevealed(undefined)}
        title={t('shownOnce')}
        text={t('shownOnceText')}
        wide
      >
        <div className="content-body">{revealed && <Code text={revealed} label={t('shownOnce')} />}</div>
      </Dialog>
    </div>
  );
}
