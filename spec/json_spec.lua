-- luacheck: ignore 143 (what math has only where Lua has integers)
local core = require "itrigger.core"
local decimal_comma = require "spec.support.decimal_comma"
local errors = require "itrigger.errors"
local json = require "itrigger.json"

local integers = math.type ~= nil
local luajit = rawget(_G, "jit") ~= nil

local function encode(value)
  return assert(json.encode(value))
end

local function decode(text, opts)
  return assert(json.decode(text, opts))
end

-- Encoding fails, with this text in the message.
local function refuses(value, text)
  local encoded, err = json.encode(value)
  assert.is_nil(encoded)
  assert.equal("usage", err.kind)
  assert.truthy(err.message:find(text, 1, true), ("%q is not in %q"):format(text, err.message))
end

describe("json.encode", function()
  it("writes strings, booleans and null", function()
    assert.equal('"会员"', encode("会员"))
    assert.equal("true", encode(true))
    assert.equal("false", encode(false))
    assert.equal("null", encode(json.null))
    assert.equal("null", encode(nil))
    assert.equal('{"a":null}', encode({ a = json.null }))
  end)

  it("escapes what RFC 8259 requires, and nothing else", function()
    assert.equal([["\"\\/\b\f\n\r\t"]], encode('"\\/\b\f\n\r\t'))
    assert.equal([["\u0000\u0001\u001f]] .. "\127\"", encode("\0\1\31\127"))
  end)

  it("writes an empty table as an object and a marked one as an array", function()
    assert.equal("{}", encode({}))
    assert.equal("[]", encode(json.array {}))
    assert.equal("[]", encode(json.array()))
    assert.equal('{"list":[]}', encode({ list = json.array {} }))
  end)

  it("writes a table with the keys 1 to n as an array, in order", function()
    assert.equal("[1,2,3]", encode({ 1, 2, 3 }))
    local scrambled = {}
    for i = 20, 1, -1 do
      scrambled[i] = i
    end
    assert.equal("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]", encode(scrambled))
    assert.equal('[[],[{"a":[true]}]]', encode({ json.array {}, { { a = { true } } } }))
  end)

  it("calls no metamethod", function()
    local t = setmetatable({ a = 1 }, {
      __index = function() error("called") end,
      __pairs = function() error("called") end,
      __len = function() error("called") end,
      __tostring = function() error("called") end,
    })
    assert.equal('{"a":1}', encode(t))
  end)

  describe("numbers", function()
    it("has integral floats without a point", function()
      assert.equal("1", encode(1.0))
      assert.equal("-5", encode(-5.0))
      assert.equal("1000000000000000", encode(1e15))
      assert.equal("100000000000000000", encode(1e17))
      assert.equal("9007199254740991", encode(2 ^ 53 - 1))
      assert.equal("9007199254740992", encode(2 ^ 53))
      assert.equal("-9223372036854775808", encode(-2 ^ 63))
      assert.equal("1556647800000", encode(1556647800000))
    end)

    it("has floats in the shortest form that reads back equal", function()
      assert.equal("0.1", encode(0.1))
      assert.equal("12.88", encode(12.88))
      assert.equal("0.3333333333333333", encode(1 / 3))
      assert.equal("0.30000000000000004", encode(0.1 + 0.2))
      for _, value in ipairs { 5e-324, 1.7976931348623157e308, 2 ^ 63, 2 ^ 64, 123456.789e-30 } do
        assert.equal(value, tonumber(encode(value)))
      end
    end)

    it("has a point whatever the locale says", function()
      local lacks = decimal_comma.lacks()
      if lacks then
        pending(lacks)
      end
      local said = decimal_comma.run [[
        local json = require "itrigger.json"
        assert(os.setlocale("de_DE.UTF-8", "numeric"))
        io.write(("%.1f "):format(0.5), json.encode(0.5), " ", json.decode("0.25") * 4 == 1 and "read" or "misread")
      ]]
      assert.equal(decimal_comma.half .. " 0.5 read", said)
    end)

    it("has Lua integers in full", function()
      if not integers then
        return pending("this Lua has no integers")
      end
      assert.equal("9223372036854775807", encode(math.maxinteger))
      assert.equal("-9223372036854775808", encode(math.mininteger))
      assert.equal("9007199254740993", encode(math.tointeger(2 ^ 53) + 1))
      assert.equal("226529926389059299", encode(math.tointeger("226529926389059299") or 226529926389059299))
    end)

    it("has LuaJIT's 64-bit cdata in full", function()
      if not luajit then
        return pending("this is not LuaJIT")
      end
      local ffi = require "ffi"
      assert.equal("9007199254740993", encode(ffi.new("int64_t", 2 ^ 53) + 1))
      assert.equal("-9223372036854775808", encode(ffi.cast("int64_t", -2 ^ 63)))
      assert.equal("18446744073709551615", encode(ffi.new("uint64_t", 0) - 1))
      refuses({ a = ffi.new("int[2]") }, "a: a cdata other than int64_t and uint64_t")
    end)

    it("refuses NaN and infinity", function()
      refuses({ a = 0 / 0 }, "a: NaN and infinity")
      refuses({ a = math.huge }, "a: NaN and infinity")
      refuses(-math.huge, "NaN and infinity")
    end)
  end)

  describe("what JSON does not take is named by its key path", function()
    it("functions, coroutines, userdata", function()
      refuses({ items = { { name = "a" }, { name = "b" }, { name = print } } }, "items[3].name: a function")
      refuses({ [1] = { coroutine.create(function() end) } }, "[1][1]: a coroutine")
      refuses({ a = { ["b c"] = io.stdout } }, 'a["b c"]: a userdata')
    end)

    it("keys that are not an array's and not an object's", function()
      refuses({ 1, 2, x = 3 }, "either an array or an object")
      refuses({ a = { 1, nil, 3 } }, "a: an array with holes")
      refuses({ a = { [0] = 1 } }, "a: a key that is neither")
      refuses({ a = { [1.5] = 1 } }, "a: a key that is neither")
      refuses({ [2 ^ 40] = 1 }, "a key that is neither")
      refuses({ a = { [true] = 1 } }, "a: a key that is not a string")
      refuses({ [""] = 1 }, "an empty key")
      refuses(json.array { a = 1 }, "either an array or an object")
    end)

    it("invalid UTF-8, in values and in keys, without putting it into the message", function()
      refuses({ name = "\255" }, "name: not valid UTF-8")
      refuses({ ["\192\175"] = 1 }, [==[["\192\175"]: this key is not valid UTF-8]==])
      refuses("\237\160\128", "not valid UTF-8")
    end)

    it("cycles, but not one table in two places", function()
      local cycle = { list = {} }
      cycle.list[1] = cycle
      refuses(cycle, "list[1]: a cycle")
      local twice = { 1 }
      assert.equal("[[1],[1]]", encode({ twice, twice }))
    end)

    it("more than 100 levels", function()
      local deep = {}
      for _ = 1, 99 do
        deep = { deep }
      end
      assert.equal(("["):rep(99) .. "{}" .. ("]"):rep(99), encode(deep))
      refuses({ deep }, "more than 100 levels")
    end)

    it("shortens a long path", function()
      local _, err = json.encode({ [("k"):rep(5000)] = print })
      assert.truthy(#err.message < 400)
      assert.truthy(err.message:find("...: a function", 1, true))
    end)
  end)
end)

describe("json.decode", function()
  local function kind_of(value)
    return integers and math.type(value) or "integer"
  end

  it("gives integers where Lua has them, at any depth", function()
    local value = decode('{"code":200,"n":-1,"a":[1,2.5,{"b":1e3}],"z":0}')
    assert.same({ code = 200, n = -1, a = { 1, 2.5, { b = 1000 } }, z = 0 }, value)
    for _, number in ipairs { value.code, value.n, value.a[1], value.a[3].b, value.z } do
      assert.equal("integer", kind_of(number))
    end
    assert.equal(integers and "float" or "integer", kind_of(value.a[2]))
    assert.equal("200", tostring(value.code))
    assert.equal("7", tostring(decode("7")))
  end)

  it("keeps each integer within 2^53-1 and makes wider ones strings of their digits", function()
    local value = decode("[9007199254740991,-9007199254740991,9007199254740992,-9007199254740993,"
      .. "9223372036854775807,-9223372036854775808,18446744073709551616,226529926389059299]")
    assert.equal("9007199254740991", ("%.0f"):format(value[1]))
    assert.equal("-9007199254740991", ("%.0f"):format(value[2]))
    assert.same({ "9007199254740992", "-9007199254740993", "9223372036854775807",
      "-9223372036854775808", "18446744073709551616", "226529926389059299" },
      { value[3], value[4], value[5], value[6], value[7], value[8] })
    assert.equal("integer", kind_of(value[1]))
  end)

  it("leaves a fraction or an exponent beyond that a float", function()
    local value = decode("[1e300,-1e300,1e16,1e15]")
    assert.equal(1e300, value[1])
    assert.equal(-1e300, value[2])
    assert.equal(1e16, value[3])
    assert.equal(integers and "float" or "integer", kind_of(value[1]))
    assert.equal(integers and "float" or "integer", kind_of(value[3]))
    assert.equal("integer", kind_of(value[4]))
  end)

  it("gives back what was written", function()
    local value = { list = { 1, 2, { deep = "x" } }, text = "a\0b\"", yes = true, half = 0.5 }
    assert.same(value, decode(encode(value)))
  end)

  it("leaves null members out and keeps null in arrays", function()
    local value = decode('{"a":null,"b":[1,null,3],"c":{"d":null,"e":1},"f":[{"g":null}]}')
    assert.same({ b = { 1, json.null, 3 }, c = { e = 1 }, f = { {} } }, value)
    assert.equal(json.null, decode("null"))
  end)

  it("keeps all of them when asked", function()
    local value = decode('{"a":null,"b":[null],"c":{"d":null}}', { null = "keep" })
    assert.same({ a = json.null, b = { json.null }, c = { d = json.null } }, value)
  end)

  it("has the null of lua-cjson", function()
    assert.equal(require("cjson").null, json.null)
    assert.equal(core.null, json.null)
  end)

  it("is strict, and says where", function()
    for _, text in ipairs { "", " ", "{", '{"a":1', "[1,]", "{a:1}", "nan", "0x10", "01", "'a'", '{"a":1}x',
      '"\255"', '"\1"', '"\\ud800"', "{}\0", "\239\187\191{}", "[1 2]", "// c", "+1", ".5", "-" } do
      local value, err = json.decode(text)
      assert.is_nil(value)
      assert.equal("decode", err.kind)
      assert.truthy(err.message:find("byte %d+"), err.message)
    end
  end)

  it("takes 128 levels and no more", function()
    assert.is_table(decode(("["):rep(128) .. ("]"):rep(128)))
    local value, err = json.decode(("["):rep(129) .. ("]"):rep(129))
    assert.is_nil(value)
    assert.equal("decode", err.kind)
  end)

  it("has the last of several members with one name", function()
    assert.same({ a = 2 }, decode('{"a":1,"a":2}'))
    assert.same({}, decode('{"a":1,"a":null}'))
  end)

  it("decodes what has to be unescaped, however long", function()
    assert.equal('"\\/\b\f\n\r\t', decode([["\"\\\/\b\f\n\r\t"]]))
    assert.equal("会员A", decode([["\u4f1a\u5458\u0041"]]))
    assert.equal("\240\159\152\128", decode([["\ud83d\ude00"]]))
    assert.equal(("\n"):rep(5000) .. "x", decode('"' .. ("\\n"):rep(5000) .. 'x"'))
    assert.same({ ["a\nb"] = 1 }, decode([[{"a\nb":1}]]))
  end)

  it("takes spaces wherever JSON allows them", function()
    assert.same({ a = { 1, { b = "x" } }, c = true }, decode(' {\t"a" :\n[ 1 ,\r{ "b" : "x" } ] , "c" : true } '))
    assert.same({}, decode("{ }"))
    assert.same({}, decode("[ ]"))
  end)

  it("keeps 0 a number of its kind", function()
    assert.equal("integer", kind_of(decode("-0")))
    assert.equal("0", encode(decode("-0")))
    assert.equal("integer", kind_of(decode("2e2")))
  end)

  it("marks arrays, and no objects", function()
    local value = decode('{"list":[],"rows":[{"tags":[]}],"map":{}}')
    assert.equal(core.array_metatable, getmetatable(value.list))
    assert.equal(core.array_metatable, getmetatable(value.rows))
    assert.is_nil(getmetatable(value))
    assert.is_nil(getmetatable(value.map))
    assert.equal(value.list, json.array(value.list))
  end)
end)

describe("json", function()
  it("marks arrays, and only tables without a metatable", function()
    local t = { 1 }
    assert.equal(t, json.array(t))
    assert.equal(t, json.array(t))
    assert.has_error(function() json.array(setmetatable({}, {})) end)
  end)

  it("raises at the caller's level when an argument is of the wrong type", function()
    local function raises(text, f, ...)
      local ok, err = pcall(f, ...)
      assert.is_false(ok)
      assert.truthy(err:find("spec/json_spec.lua:%d+: ") and err:find(text, 1, true), err)
    end
    raises("'text' to 'decode' (string expected, got number)", function() return (json.decode(5)) end)
    raises("'t' to 'array'", function() return (json.array(5)) end)
    raises("'opts' to 'decode'", function() return (json.decode("1", "keep")) end)
    raises('"nil" or "keep"', function() return (json.decode("1", { null = "x" })) end)
  end)

  it("returns errors of the library's kind", function()
    local _, err = json.encode(print)
    assert.is_true(errors.is(err))
    assert.equal("itrigger: usage: value: a function cannot be sent", tostring(err))
  end)
end)
