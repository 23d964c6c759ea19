import type { ComponentProps } from 'react';

/** A line to be filled in, below what it is for, whose input is the browser's own: it knows autofill and `required`. */
export function InputField({
  title,
  hint,
  ...input
}: { id: string; title: string; hint?: string } & ComponentProps<'input'>) {
  return (
    <div className="field">
      <label htmlFor={input.id}>{title}</label>
      <input className="input" required {...input} />
      {hint !== undefined && <p className="hint">{hint}</p>}
    </div>
  );
}
