-- A module of the program that is called "uv" or "luv" and is not libuv's broke every call in a coroutine.

local face = require "spec.support.face"
local fixture = require "spec.support.fixture"

describe("a module called uv that is another one", function()
  local client
  fixture.client(function(c)
    client = c
  end)

  for _, name in ipairs { "uv", "luv", "cqueues" } do
    for what, module in pairs { ["a table"] = { rays = true }, ["true"] = true } do
      it(name .. ", " .. what .. ": calls in a coroutine are answered", function()
        local before = package.loaded[name]
        package.loaded[name] = module
        local ok, res = coroutine.resume(coroutine.create(function()
          return client:get(face.echo_get)
        end))
        package.loaded[name] = before
        assert.is_true(ok, tostring(res))
        assert.equal(200, res.code)
      end)
    end
  end
end)
