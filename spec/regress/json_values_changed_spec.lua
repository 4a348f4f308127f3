-- What was read and sent back was another value: [] became {}, 1e400 infinity (which then could not be
-- sent), 5e-324 grew digits, and LuaJIT's ctype int64_t went out as 11.

local itrigger = require "itrigger"

local function there_and_back(text)
  return assert(itrigger.encode(assert(itrigger.decode(text))))
end

describe("JSON that is read and sent back", function()
  it("keeps an empty array one", function()
    assert.equal("[]", there_and_back("[]"))
    assert.equal('{"a":[[],{}]}', there_and_back('{"a":[[],{}]}'))
  end)

  it("keeps an array one that the program emptied", function()
    local value = assert(itrigger.decode('{"tags":["old"]}'))
    table.remove(value.tags)
    assert.equal('{"tags":[]}', itrigger.encode(value))
  end)

  it("keeps what a double cannot hold as its digits", function()
    for _, number in ipairs { "1e400", "-1.5E+309", "226529926389059299" } do
      assert.equal(number, itrigger.decode(number))
      assert.equal('["' .. number .. '"]', there_and_back("[" .. number .. "]"))
    end
  end)

  it("keeps the shortest form of the smallest numbers", function()
    for _, number in ipairs { "5e-324", "1.5e-320", "2.2250738585072014e-308", "5.684341886080802e-14", "0.1" } do
      assert.equal(number, there_and_back(number))
    end
  end)
end)

describe("itrigger.encode", function()
  if not rawget(_G, "jit") then
    pending("ctypes: only LuaJIT has them")
    return
  end

  it("refuses a ctype, also of an integer", function()
    local ffi = require "ffi"
    for _, value in ipairs { ffi.typeof("int64_t"), ffi.typeof("uint64_t"), ffi.new("int[2]") } do
      local text, err = itrigger.encode { id = value }
      assert.is_nil(text)
      assert.equal("usage", err.kind)
      assert.truthy(err.message:find("id: a cdata other than", 1, true))
    end
    assert.equal('{"id":-9}', itrigger.encode { id = ffi.new("int64_t", -9) })
  end)
end)
