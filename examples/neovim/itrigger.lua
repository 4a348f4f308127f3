-- Neovim: `:ITriggerMember MOBILE STORE` shows a member's name, and the editor goes on while the gateway answers.
--
--   make build install LUA=luajit
--   ITRIGGER_APP_ID=… ITRIGGER_APP_SECRET=… ITRIGGER_GATEWAY=https://… nvim -c 'luafile examples/neovim/itrigger.lua'
--
-- The editor's loop is libuv's. It always runs, although luv cannot tell that from within: so `transport` says it, and a
-- call waits in any coroutine but the main one.

local itrigger = require "itrigger"

local client = assert(itrigger.new { transport = "luv" })

-- A coroutine goes on in a callback of the loop, where the editor itself cannot be touched.
local function show(text, level)
  vim.schedule(function()
    vim.notify(text, level)
  end)
end

vim.api.nvim_create_user_command("ITriggerMember", function(command)
  coroutine.wrap(function()
    local res, err = client:get("/itrigger-bff/v2/open/api/member/query", {
      mobile = command.fargs[1],
      storeNo = command.fargs[2],
    })
    if res then
      show(res.data.realName)
    else
      show(tostring(err), vim.log.levels.ERROR)
    end
  end)()
end, { nargs = "+", desc = "Show a member of iTrigger" })
