// Colours and indents Rhai in JupyterLab 4.
//
// JupyterLab loads a prebuilt extension as a container of webpack's module federation: an object with `init`, which is
// handed the modules that JupyterLab shares, and `get`, which gives the extension. Both are a few lines, so this file is
// written by hand and needs no build.

var _JUPYTERLAB = window._JUPYTERLAB || (window._JUPYTERLAB = {});

_JUPYTERLAB['spaceevo-rhai'] = (() => {
  'use strict';

  const keywords = new Set(
    ('as break catch const continue do else export fn for if import in let loop private return switch throw try ' +
      'until while').split(' ')
  );
  const atoms = new Set(['true', 'false']);
  const selves = new Set(['this', 'global']);

  const name = /^[\p{L}_][\p{L}\p{N}_]*/u;
  // A dot belongs to a number only before what is neither a second dot (a range) nor a name (a method).
  const number = /^(?:0x[\da-f_]+|0o[0-7_]+|0b[01_]+|\d[\d_]*(?:\.(?![._\p{L}])[\d_]*)?(?:e[+-]?\d+)?)/iu;
  const operator = /^(?:=>|->|::|\?\?|\?\.|[-+*/%&|^<>=!~?]+)/;

  // The state is a stack of what is open, and how many brackets are. Each part is one of
  //   { kind: 'code', braces }      the script, or what stands in `${ }` of a text, with its open braces
  //   { kind: 'text' }              a text in backticks
  //   { kind: 'quoted' }            a text in quotes, which goes on after a line that ends in a backslash
  //   { kind: 'raw', end }          a text like #"…"#, and what ends it
  //   { kind: 'comment', depth }    a block comment; they nest
  const startState = () => ({ open: [{ kind: 'code', braces: 0 }], brackets: 0, after: '' });
  const copyState = state => ({ ...state, open: state.open.map(part => ({ ...part })) });

  function readText(stream, state) {
    while (!stream.eol()) {
      if (stream.match('``')) continue;
      if (stream.match('`')) {
        state.open.pop();
        return 'string';
      }
      if (stream.match('${', false)) {
        if (stream.current()) return 'string';
        stream.match('${');
        state.open.push({ kind: 'code', braces: 1 });
        state.brackets++;
        return 'string.special';
      }
      stream.next();
    }
    return 'string';
  }

  function readQuoted(stream, state) {
    while (!stream.eol()) {
      const letter = stream.next();
      if (letter === '"') {
        state.open.pop();
        return 'string';
      }
      if (letter === '\\' && stream.next() === undefined) return 'string';
    }
    state.open.pop();
    return 'string';
  }

  function readRaw(stream, state, end) {
    if (stream.skipTo(end)) {
      stream.match(end);
      state.open.pop();
    } else {
      stream.skipToEnd();
    }
    return 'string';
  }

  function readComment(stream, state, part) {
    while (!stream.eol()) {
      if (stream.match('/*')) {
        part.depth++;
      } else if (stream.match('*/')) {
        if (--part.depth === 0) {
          state.open.pop();
          break;
        }
      } else {
        stream.next();
      }
    }
    return 'comment';
  }

  function readName(stream, state, word) {
    const before = state.after;
    state.after = word;
    if (before === '.') return 'propertyName';
    if (atoms.has(word)) return 'atom';
    if (selves.has(word)) return 'self';
    if (keywords.has(word)) return 'keyword';
    if (before === 'fn' || before === 'let' || before === 'const' || before === 'for') return 'variableName.definition';
    if (stream.match(/^\s*\(/, false)) return 'variableName.standard';
    if (stream.match(/^\s*:(?!:)/, false)) return 'propertyName';
    return 'variableName';
  }

  function open(state, part) {
    state.brackets++;
    if (part.kind === 'code') part.braces++;
  }

  function close(state, part) {
    state.brackets = Math.max(0, state.brackets - 1);
    if (part.kind !== 'code') return null;
    part.braces = Math.max(0, part.braces - 1);
    // The brace that ends `${ }` belongs to the text around it.
    if (part.braces > 0 || state.open.length === 1) return null;
    state.open.pop();
    return 'string.special';
  }

  function readCode(stream, state, part) {
    const isFirst = stream.sol();
    if (stream.eatSpace()) return null;
    // `%timeit`, `?name`, `!ls`: commands of the prompt.
    if (isFirst && part.braces === 0 && stream.match(/^(?:%%?\p{L}|\?|!(?!=))/u, false)) {
      stream.skipToEnd();
      return 'meta';
    }
    if (stream.match('//')) {
      stream.skipToEnd();
      return 'comment';
    }
    if (stream.match('/*')) {
      const comment = { kind: 'comment', depth: 1 };
      state.open.push(comment);
      return readComment(stream, state, comment);
    }
    const word = stream.match(name);
    if (word) return readName(stream, state, word[0]);

    const after = state.after;
    state.after = '';
    if (stream.match('`')) {
      state.open.push({ kind: 'text' });
      return readText(stream, state);
    }
    if (stream.match('"')) {
      state.open.push({ kind: 'quoted' });
      return readQuoted(stream, state);
    }
    const raw = stream.match(/^(#+)"/);
    if (raw) {
      const end = '"' + raw[1];
      state.open.push({ kind: 'raw', end });
      return readRaw(stream, state, end);
    }
    if (stream.match(/^'(?:\\.[^']*|[^'\\])'/u)) return 'string';
    if (stream.match(number)) return 'number';
    if (stream.match('#{') || stream.match('{')) {
      open(state, part);
      return 'brace';
    }
    if (stream.match('}')) return close(state, part) ?? 'brace';
    if (stream.match(/^[[(]/)) {
      state.brackets++;
      // `for (value, at) in`: the names are new ones.
      if (after === 'for') state.after = 'for';
      return 'bracket';
    }
    if (stream.match(/^[\])]/)) {
      state.brackets = Math.max(0, state.brackets - 1);
      return 'bracket';
    }
    // Not `..`, after which a name is a value of its own.
    if (stream.match(/^\.\.=?/)) return 'operator';
    if (stream.match('.') || stream.match('?.')) {
      state.after = '.';
      return 'derefOperator';
    }
    if (stream.match(operator)) return 'operator';
    stream.next();
    return 'separator';
  }

  function token(stream, state) {
    const part = state.open[state.open.length - 1];
    switch (part.kind) {
      case 'text':
        return readText(stream, state);
      case 'quoted':
        return readQuoted(stream, state);
      case 'raw':
        return readRaw(stream, state, part.end);
      case 'comment':
        return readComment(stream, state, part);
      default:
        return readCode(stream, state, part);
    }
  }

  function indent(state, textAfter, context) {
    if (state.open[state.open.length - 1].kind !== 'code') return null;
    const closing = /^[\])}]/.test(textAfter) ? 1 : 0;
    return Math.max(0, state.brackets - closing) * context.unit;
  }

  const rhai = {
    name: 'rhai',
    startState,
    copyState,
    token,
    indent,
    languageData: {
      commentTokens: { line: '//', block: { open: '/*', close: '*/' } },
      closeBrackets: { brackets: ['(', '[', '{', '"', '`'] },
      indentOnInput: /^\s*[\])}]$/
    }
  };

  let shared = null;

  // The newest version of a module that JupyterLab shares.
  async function load(module) {
    const versions = shared[module];
    if (!versions) throw new Error(`spaceevo-rhai: this JupyterLab does not share ${module}`);
    const numbers = version => version.split(/[^\d]+/).map(Number);
    const newer = (left, right) => {
      const [a, b] = [numbers(left), numbers(right)];
      const at = a.findIndex((part, place) => part !== b[place]);
      return at < 0 ? 0 : (b[at] ?? -1) - a[at];
    };
    const [newest] = Object.keys(versions).sort(newer);
    const factory = await versions[newest].get();
    return factory();
  }

  async function extension() {
    const { IEditorLanguageRegistry } = await load('@jupyterlab/codemirror');
    return {
      id: 'spaceevo-rhai:plugin',
      description: 'Colours and indents the script language Rhai.',
      autoStart: true,
      requires: [IEditorLanguageRegistry],
      activate: (_app, languages) => {
        languages.addLanguage({
          name: 'rhai',
          displayName: 'Rhai',
          mime: 'text/x-rhai',
          extensions: ['rhai'],
          load: async () => {
            const { LanguageSupport, StreamLanguage } = await load('@codemirror/language');
            return new LanguageSupport(StreamLanguage.define(rhai));
          }
        });
      }
    };
  }

  return {
    init: modules => {
      shared = modules;
    },
    get: async module => {
      if (module !== './extension') throw new Error(`spaceevo-rhai has no module ${module}`);
      const plugin = await extension();
      return () => ({ __esModule: true, default: plugin });
    },
    // For tests, which read scripts with it outside of a browser.
    language: rhai
  };
})();
