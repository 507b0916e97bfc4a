/*
 * project.c
 *		The ID of a project, which the credential may look up: the one that has
 *		the name of the region.
 *
 * Copyright (c) 2026, the cph_fdw developers
 */
#include "user/user_private.h"

/* Fills in where a project is looked up. */
void
cph_project_request(const CphOptions *options, CphRequest *request)
{
	CphParam	param = {"name", options->region};

	request->method = "GET";
	request->base = cph_options_iam_endpoint(options);
	request->path = pstrdup("/v3/projects");
	request->query = cph_request_query(&param, 1);
}

/*
 * Makes what an answer leads to for a list into what it does here.  Whatever
 * the answer is, the user is to say which project it is.
 */
void
cph_project_judge(const CphTransfer *transfer, CphOutcome *outcome)
{
	int			status = cph_transfer_status(transfer);

	if (status != 200 && status != 403 && status != 404)
		return;
	outcome->message = "server \"%s\" names no project";
	outcome->sqlstate = ERRCODE_FDW_OPTION_NAME_NOT_FOUND;
	outcome->hint = "Set the option \"project_id\" of the server or the foreign table.  The one that has the name of the region can be looked up only by who may list the projects.";
}

/*
 * Keeps the project of an answer.  Returns NULL, or why there is none: only one
 * answer counts.
 */
const char *
cph_project_read(const CphRecordKey *key, const CphTransfer *transfer)
{
	static const char *const list_path = "projects";
	const char *reason;
	Size		length;
	const char *body = cph_transfer_body(transfer, &length);
	CphJsonValue *document = cph_json_document(body, length, &reason);
	CphJsonValue list;
	const char *id;

	if (document == NULL)
		return reason;
	cph_json_read(cph_json_shape(&list_path, 1), document, &list);
	if (list.kind != CPH_JSON_ARRAY)
		return "no list of projects";
	if (list.length != 1)
		return list.length == 0 ? "no project has the name of the region" :
			"several projects have the name of the region";
	id = cph_json_text_at(&list.elements[0], "id");
	if (id == NULL || cph_check_project_id(id) != NULL)
		return "a project without an ID";
	cph_login_set_project(key, id);
	return NULL;
}
