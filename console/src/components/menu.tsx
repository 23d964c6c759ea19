import { ChevronDown } from 'lucide-react';
import { DropdownMenu } from 'radix-ui';
import type { ReactNode } from 'react';

export interface MenuAction {
  id: string;
  label: string;
  icon?: ReactNode;
  danger?: boolean;
  /** Why it can't be done now; it is then shown with the reason. */
  why?: string;
  run: () => void;
}

/** Actions in a menu. What can't be done now stands there with its reason. */
export function ActionMenu({
  label,
  actions,
  icon,
}: {
  label: string;
  /** A long list has a menu in each row: what stands in one is found out when it opens. */
  actions: () => readonly MenuAction[];
  icon?: ReactNode;
}) {
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger asChild>
        {icon ? (
          <button type="button" className="button ghost icon" aria-label={label}>
            {icon}
          </button>
        ) : (
          <button type="button" className="button">
            {label} <ChevronDown size={15} aria-hidden />
          </button>
        )}
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end" sideOffset={4} loop>
          <Items actions={actions} />
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

function Items({ actions }: { actions: () => readonly MenuAction[] }) {
  return actions().map(({ id, label, icon, danger, why, run }) => (
    <DropdownMenu.Item key={id} disabled={why !== undefined} onSelect={run} className={danger && !why ? 'danger' : ''}>
      {icon}
      <span>
        {label}
        {why && <span className="why">{why}</span>}
      </span>
    </DropdownMenu.Item>
  ));
}
