import {
  Decoration,
  type DecorationSet,
  type EditorView,
  RangeSetBuilder,
  ViewPlugin,
} from "@uiw/react-codemirror";
import { common, createLowlight } from "lowlight";
import { codeSpans, languageOf } from "./code-highlight.logic.ts";

/** Longer text is left plain: all of it is read again with each change. */
const HIGHLIGHTED_MAX_CHARACTERS = 60_000;

const lowlight = createLowlight(common);

/** Colours for what a file's name says it is written in; nothing for what it does not say. */
export function codeHighlight(path: string) {
  const language = languageOf(path, (name) => lowlight.registered(name));
  if (language === undefined) return [];
  const decorate = ({ state: { doc } }: EditorView): DecorationSet => {
    const builder = new RangeSetBuilder<Decoration>();
    if (doc.length > HIGHLIGHTED_MAX_CHARACTERS) return builder.finish();
    for (const { from, to, className } of codeSpans(lowlight.highlight(language, doc.toString())))
      builder.add(from, to, Decoration.mark({ class: className }));
    return builder.finish();
  };
  return ViewPlugin.define(
    (view) => ({
      decorations: decorate(view),
      update({ docChanged, view: changed }) {
        if (docChanged) this.decorations = decorate(changed);
      },
    }),
    { decorations: ({ decorations }) => decorations },
  );
}
