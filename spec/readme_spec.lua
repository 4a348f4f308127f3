local face = require "spec.support.face"
local sandbox = require "spec.support.sandbox"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- The blocks of a language, in order.
local function blocks(text, language)
  local list = {}
  for block in text:gmatch("\n```" .. language .. "\n(.-\n)```") do
    list[#list + 1] = block
  end
  return list
end

-- What differs from run to run.
local function steady(line)
  return (line:gsub("127%.0%.0%.1:%d+", "HOST"):gsub("sha256:%x+", "ID"):gsub("[%d.]+ms", "TIME"))
end

local function environment(sb, more)
  local variables = {
    ITRIGGER_GATEWAY = sb.gateway,
    ITRIGGER_APP_ID = sb.app_id,
    ITRIGGER_APP_SECRET = sb.app_secret,
    ITRIGGER_TOKEN_STORE = "memory:", -- each run is one without a past
  }
  for name, value in pairs(more or {}) do
    variables[name] = value
  end
  return variables
end

for _, path in ipairs { "README.md", "README.zh-CN.md" } do
  describe(path, function()
    local sb, text

    before_each(function()
      sb = sandbox.shared()
      sb:reset()
      text = read(path)
    end)

    it("prints what it shows", function()
      local output = face.run(blocks(text, "lua")[1], environment(sb))
      assert.equal(blocks(text, "text")[1], output)
    end)

    it("shows a line of the trace as it is", function()
      local output = face.run(blocks(text, "lua")[1], environment(sb, { ITRIGGER_TRACE = "1" }))
      assert.truthy(steady(output):find(steady(blocks(text, "text")[2]), 1, true), output)
    end)
  end)
end

describe("the two READMEs", function()
  it("show the same program", function()
    assert.same(blocks(read "README.md", "lua")[1], blocks(read "README.zh-CN.md", "lua")[1])
  end)
end)
