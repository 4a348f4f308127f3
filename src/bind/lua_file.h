/*
 * lua_file: what the io library does not say of an open file: its mode, its owner, whether another
 * process uses it. For the command line. On the Lua state's thread; never blocks.
 */
#ifndef ITR_BIND_LUA_FILE_H
#define ITR_BIND_LUA_FILE_H

#include "bind/compat.h"

/* Add to the table on top; once, when the module is opened:
 *   file_status(file) -> { mode = "644", is_regular =, is_private_to_write =, is_private_to_read =,
 * id = }: whether only the user and root can write it, or read it; id is the same for the same file
 *   file_lock(file)   -> false if another process has it; it lasts until the file is closed. A
 *                        file system without locks gives true */
void itr_lua_file_open(lua_State *L);

#endif
