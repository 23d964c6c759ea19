import { Dialog as Radix } from 'radix-ui';
import type { ReactNode } from 'react';

interface Props {
  open: boolean;
  onClose: () => void;
  title: string;
  text?: ReactNode;
  wide?: boolean;
  children: ReactNode;
}

/** A window over the page. Escape closes it, and the keyboard stays inside. */
export function Dialog({ open, onClose, title, text, wide, children }: Props) {
  return (
    <Radix.Root open={open} onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="overlay" />
        <Radix.Content className={wide ? 'dialog wide' : 'dialog'} {...(text ? {} : { 'aria-describedby': undefined })}>
          <header>
            <Radix.Title asChild>
              <h2>{title}</h2>
            </Radix.Title>
            {text && (
              <Radix.Description asChild>
                <p>{text}</p>
              </Radix.Description>
            )}
          </header>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
