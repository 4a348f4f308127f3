-- What the core says of open files (src/bind/lua_file.c), for the command line.
local core = require "itrigger.core"

describe("core.file_status and core.file_lock", function()
  local name, file

  before_each(function()
    name = os.tmpname()
    file = assert(io.open(name, "rb"))
  end)

  after_each(function()
    os.remove(name)
  end)

  it("tell the mode, who else can write and read, and which file it is", function()
    for mode, expected in pairs { ["600"] = { true, true }, ["644"] = { true, false }, ["664"] = { false, false },
      ["640"] = { true, true }, ["602"] = { false, true } } do
      os.execute("chmod " .. mode .. " " .. name)
      local status = core.file_status(file)
      assert.same({ mode, true, expected[1], expected[2] },
        { status.mode, status.is_regular, status.is_private_to_write, status.is_private_to_read })
    end
    local same, other = assert(io.open(name, "rb")), assert(io.open("/dev/null", "rb"))
    assert.equal(core.file_status(file).id, core.file_status(same).id)
    assert.are_not.equal(core.file_status(file).id, core.file_status(other).id)
    assert.is_false(core.file_status(other).is_regular)
    local pipe = assert(io.popen("stat -c %d:%i " .. name))
    assert.equal(pipe:read "*l", core.file_status(file).id)
    pipe:close()
    same:close()
    other:close()
    file:close()
  end)

  it("give a lock to one file handle at a time, until it is closed", function()
    local other = assert(io.open(name, "rb"))
    assert.is_true(core.file_lock(file))
    assert.is_false(core.file_lock(other))
    file:close()
    assert.is_true(core.file_lock(other))
    other:close()
  end)

  it("raise for a file that was closed, and for what is no file", function()
    file:close()
    for _, f in ipairs { core.file_status, core.file_lock } do
      local ok, err = pcall(f, file)
      assert.is_false(ok)
      assert.truthy(tostring(err):find("attempt to use a closed file", 1, true), tostring(err))
      assert.is_false((pcall(f, 5)))
    end
  end)
end)
