
// Put behind a program of JavaScript or TypeScript to call its function: arguments come in, and
// the result goes out, as the codec has them. All of it is the program's to break: it can spoil
// nothing but its own answers. A program may use any name, so what is its own is looked up at the
// end, outside of this function, and inside it no name of the program's stands for anything.
;(async (named, kind, exported, load) => {
  const {
    Array, ArrayBuffer, BigInt, Boolean, Buffer, DataView, Error, JSON, Map, Math, Number, Object,
    Set, String, Symbol, console, parseInt, process,
  } = globalThis;
  const fs = process.getBuiltinModule ? process.getBuiltinModule("fs") : load("fs");
  const entry = "REWARDD_ENTRY", owner = "REWARDD_OWNER", exact = 2 ** 53, deepest = 50;
  const mostListed = 1000000;
  class Unsupported extends Error {}

  function whole(descriptor) {
    const held = Buffer.alloc(fs.fstatSync(descriptor).size);
    for (let at = 0, read; at < held.length; at += read) {
      read = fs.readSync(descriptor, held, at, held.length - at, at);
      if (!read) break;
    }
    return held.toString();
  }

  function given(tree) {
    if (tree === null || typeof tree !== "object") return tree;
    if (Array.isArray(tree)) return tree.map(given);
    const [tag, body] = Object.entries(tree)[0];
    if (tag === "tuple") return body.map(given);
    if (tag === "set" || tag === "frozenset") return new Set(body.map(given));
    if (tag === "dict") {
      return Object.fromEntries(body.map(([key, value]) => [String(given(key)), given(value)]));
    }
    if (tag === "int") return Number(body.startsWith("-") ? -BigInt(body.slice(1)) : BigInt(body));
    if (tag === "float") return fraction(body);
    if (tag === "text") return Buffer.from(body, "hex").toString();
    throw new Error(`no ${tag} in this language`);
  }

  function fraction(text) {
    const parts = /^(-?)0x([01])\.?([0-9a-f]*)p([+-]\d+)$/.exec(text);
    if (!parts) return Number(text.replace("inf", "Infinity").replace("nan", "NaN"));
    const size = parseInt(parts[2] + parts[3], 16) * 2 ** (Number(parts[4]) - 4 * parts[3].length);
    return parts[1] ? -size : size;
  }

  function hex(number) {
    if (Number.isNaN(number)) return "nan";
    if (!Number.isFinite(number)) return number < 0 ? "-inf" : "inf";
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, number);
    const bits = view.getBigUint64(0), power = Number((bits >> 52n) & 0x7ffn);
    const digits = (bits & 0xfffffffffffffn).toString(16).padStart(13, "0");
    const sign = bits >> 63n ? "-" : "";
    return `${sign}0x${power ? 1 : 0}.${digits}p${power ? power - 1023 : -1022}`;
  }

  function plain(value, depth) {
    if (depth > deepest) throw new Unsupported(`the result is deeper than ${deepest}`);
    if (value === null || value === undefined) return null;
    switch (typeof value) {
      case "boolean": case "string": return value;
      case "number":
        if (Number.isInteger(value) && Math.abs(value) <= exact) return value === 0 ? 0 : value;
        return {float: hex(value)};
      case "bigint": {
        const digits = (value < 0n ? -value : value).toString(16);
        return {int: (value < 0n ? "-0x" : "0x") + digits};
      }
      case "object": return structured(value, depth + 1);
    }
    throw new Unsupported(`a result of type ${typeof value} cannot be compared`);
  }

  function structured(value, depth) {
    const listed = (items) => Array.from(items, (item) => plain(item, depth));
    if (Array.isArray(value)) return listed(value);
    if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return listed(value);
    if (value instanceof Set) return {set: listed(value)};
    if (value instanceof Map) return {dict: listed(value)};
    if (value instanceof Number || value instanceof String || value instanceof Boolean) {
      return plain(value.valueOf(), depth);
    }
    if (typeof value.next === "function" && typeof value[Symbol.iterator] === "function") {
      return endless(value, depth);
    }
    const parent = Object.getPrototypeOf(value);
    if (parent !== null && parent !== Object.prototype) {
      const name = parent.constructor && parent.constructor.name;
      throw new Unsupported(`a result of type ${name} cannot be compared`);
    }
    const pairs = Object.entries(value).filter(([, item]) => item !== undefined);
    return {dict: pairs.map(([key, item]) => [key, plain(item, depth)])};
  }

  function endless(value, depth) {
    const listed = [];
    for (const item of value) {
      if (listed.length === mostListed) {
        throw new Unsupported(`the result lists more than ${mostListed} items`);
      }
      listed.push(plain(item, depth));
    }
    return listed;
  }

  function bound() {
    const from = exported || {}, own = named === undefined ? from[entry] : named;
    if (!owner && typeof own === "function") return own;
    const unnamed = from.prototype && from.prototype[entry] ? from : from["REWARDD_CLASS"];
    const maker = kind === undefined ? unnamed : kind;
    if (typeof maker !== "function") {
      return !owner && typeof exported === "function" ? exported : undefined;
    }
    const made = new maker();
    if (typeof made[entry] === "function") return made[entry].bind(made);
    return typeof maker[entry] === "function" ? maker[entry].bind(maker) : undefined;
  }

  let said;
  try {
    const request = given(JSON.parse(whole(0)));
    const called = bound();
    if (called === undefined) {
      said = {no_entry: true};
    } else {
      let result = await called(...request.args);
      if (request.result_of !== null) result = request.args[request.result_of];
      said = plain(result, 0);
    }
  } catch (error) {
    if (!(error instanceof Unsupported)) {
      console.error(error instanceof Error ? error.stack : error);
      process.exit(1);
    }
    said = {unsupported: error.message};
  }
  fs.writeFileSync("result.json", JSON.stringify(said));
  process.exit(0);
})(
  typeof REWARDD_ENTRY === "undefined" ? undefined : REWARDD_ENTRY,
  typeof REWARDD_CLASS === "undefined" ? undefined : REWARDD_CLASS,
  typeof rewarddDefault === "undefined"
    ? typeof module === "object" && module ? module.exports : undefined
    : rewarddDefault,
  typeof require === "function" ? require : undefined,
);
