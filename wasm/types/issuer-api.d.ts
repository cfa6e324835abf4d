// Written from docs/openapi.json by tests/types; not to be edited.

export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description An accepted key: the claims in its token, and the title from its record. */
        AcceptedView: {
            /** @description `hmac-sha256-128` or `ed25519`. */
            algorithm: string;
            /** @description `live` or `test`. */
            environment: string;
            /** @description When the key expires; null if it never does. */
            expires_at?: string | null;
            /** @description The public name. */
            id: string;
            /** @description When the key was issued. */
            issued_at: string;
            /**
             * Format: int32
             * @description The signer.
             */
            kid: number;
            /** @description `secret` or `publishable`. */
            kind: string;
            /**
             * Format: int32
             * @description The owner's number; 0 for none.
             */
            owner: number;
            /**
             * Format: int32
             * @description The policy's number; 0 for none.
             */
            policy: number;
            /**
             * Format: int64
             * @description The index in the revocation list.
             */
            serial: number;
            /** @description The title in the record; null if the store has no record of the key. */
            title?: string | null;
        };
        /** @description A verdict that is based on the key's record. */
        AuthenticatedAnswer: {
            /** @description The stable code of the refusal, if the key is refused. */
            code?: string | null;
            key?: components["schemas"]["KeyView"] | null;
            /** @description The refusal as a sentence. */
            message?: string | null;
            /** @description Whether the key is accepted. */
            ok: boolean;
        };
        /** @description A bulk revocation or suspension. The entry is committed. */
        BulkAnswer: components["schemas"]["BulkView"] & components["schemas"]["CommittedAnswer"];
        BulkRevocationBody: {
            /** @description The person that the caller acts for. The actor in the audit trail is the caller's admin key. */
            by?: string | null;
            /**
             * Format: int64
             * @description The number of keys that a dry run reported. If it has changed since, nothing is done (409).
             */
            confirm?: number | null;
            /** @description Only report how many keys the entry would affect. */
            dry_run?: boolean;
            environment?: string | null;
            issued_before?: string | null;
            issued_from?: string | null;
            /** Format: int32 */
            kid?: number | null;
            /** @description Allow the request to affect the last admin key that can create others. */
            last_admin?: boolean;
            /** Format: int32 */
            owner?: number | null;
            /** @description The reason, for the audit trail. The settings may require it. */
            reason?: string | null;
            state?: string | null;
        };
        /** @description All bulk revocations and suspensions. */
        BulkRevocationsAnswer: {
            /** @description The entries. */
            bulk_revocations: components["schemas"]["BulkView"][];
        };
        /** @description A bulk revocation or suspension: one entry that covers many keys. */
        BulkView: {
            /** @description When the entry was created. */
            created_at: components["schemas"]["Instant"];
            /** @description It covers all keys of this environment. */
            environment?: string | null;
            /**
             * Format: int64
             * @description The entry's number.
             */
            id: number;
            /** @description It covers only keys issued before this time. */
            issued_before?: string | null;
            /** @description It covers only keys issued at this time or later. */
            issued_from?: string | null;
            /**
             * Format: int32
             * @description It covers all keys of this signer.
             */
            kid?: number | null;
            lifted_at?: components["schemas"]["Instant"] | null;
            /** @description The person that the caller named, or else the principal that created the entry. */
            made_by?: string | null;
            /**
             * Format: int32
             * @description It covers all keys of this owner.
             */
            owner?: number | null;
            /** @description It covers all serials from the first of these to the last. */
            serials?: number[] | null;
            /** @description `revoked` or `suspended`. */
            state: string;
        };
        ByBody: {
            by?: string | null;
            /** @description The reason, for the audit trail. The settings may require it. */
            reason?: string | null;
        };
        CanaryBody: {
            /** @description Where the last request with it came from, if the gate knows. */
            address?: string | null;
            /** @description The canary's public name, `apk_…`. */
            key: string;
            /**
             * Format: int32
             * @description When the gate last refused it, in seconds since 1970.
             */
            last_used_at: number;
            /**
             * Format: int32
             * @description How often the gate has refused the canary since the last report.
             */
            uses: number;
        };
        /** @description An existing key to update. */
        ChangeKeyBody: {
            id: string;
            metadata?: Record<string, never>;
            sales_channels?: string[];
            title?: string;
            updated_by?: string;
        };
        /** @description A key that was changed. */
        ChangedAnswer: components["schemas"]["KeyView"] & {
            list?: components["schemas"]["MarkView"] | null;
            /** @description The consequence, if the change is not yet published. */
            note?: string | null;
            problem?: components["schemas"]["Problem"] | null;
            /** @description Whether a published list contains the change. */
            published?: boolean;
        };
        ChannelsBody: {
            add?: string[];
            remove?: string[];
        };
        /** @description Whether a committed change is published. */
        CommittedAnswer: {
            /** @description Whether every target has the list. Present only if the request had `wait`. */
            everywhere?: boolean | null;
            list?: components["schemas"]["MarkView"] | null;
            /** @description The consequence, if the change is not yet published. */
            note?: string | null;
            problem?: components["schemas"]["Problem"] | null;
            /** @description Whether a published list contains the change. */
            published: boolean;
            /** @description The targets. Present only if the request had `wait`. */
            targets?: components["schemas"]["TargetView"][] | null;
        };
        CreateAdminBody: {
            created_by?: string | null;
            expires_at?: string | null;
            /** Format: int64 */
            expires_in_seconds?: number | null;
            /** @description One of the keyring's labels, or `""` for no label. Default: the keyring's first label. */
            label?: string | null;
            /** @description The key never expires, even if the settings have a default lifetime. */
            never_expires?: boolean;
            /** @description The key's scopes, such as `keys:read`, `keys:*` or `*`. The caller must hold all of them. */
            scopes: string[];
            /** @description A title for people: 1 to 255 characters. */
            title: string;
        };
        CreateKeyBody: {
            algorithm?: string | null;
            /** @description Create a canary: a secret key that nothing accepts, and whose use is an alarm. */
            canary?: boolean;
            created_by?: string | null;
            environment?: string | null;
            expires_at?: string | null;
            /** Format: int64 */
            expires_in_seconds?: number | null;
            kind?: string | null;
            /** @description One of the keyring's labels, or `""` for no label. Default: the keyring's first label. */
            label?: string | null;
            metadata?: Record<string, never>;
            /** @description The key never expires, even if the settings have a default lifetime. */
            never_expires?: boolean;
            /** Format: int32 */
            owner?: number;
            /** Format: int32 */
            policy?: number;
            sales_channels?: string[];
            title: string;
        };
        /** @description The bodies that [`OneOrMany`] reads. */
        CreateKeysBody: components["schemas"]["CreateKeyBody"] | components["schemas"]["CreateKeyBody"][];
        CreateOwnerBody: {
            external_id?: string | null;
            metadata?: Record<string, never>;
            name: string;
        };
        CreatePolicyBody: {
            cidrs?: string[];
            methods?: string[];
            name: string;
            origins?: string[];
            paths?: string[];
            rate_class?: string | null;
            sales_channels?: string[];
            scopes?: string[];
            visibility: string;
        };
        CreateWebhookBody: {
            description?: string;
            types?: string[];
            url: string;
        };
        /** @description A new key. The token of a secret key is returned only once: the issuer does not store it. */
        CreatedAnswer: {
            /** @description The key. */
            key: components["schemas"]["KeyView"];
            /** @description The token. */
            token: string;
        };
        /** @description One key or a list of keys, as in the request. */
        CreatedAnswers: components["schemas"]["CreatedAnswer"] | components["schemas"]["CreatedAnswer"][];
        /** @description The record of a key was deleted. */
        DeletedAnswer: {
            /** @description Always `true`. */
            deleted: boolean;
            /** @description The key's id. */
            id: string;
            /** @description `api_key`. */
            object: string;
        };
        /** @description The records of keys were deleted. */
        DeletedManyAnswer: {
            /** @description Always `true`. */
            deleted: boolean;
            /** @description The keys' ids. */
            ids: string[];
            /** @description `api_key`. */
            object: string;
        };
        /** @description A page of deliveries. */
        DeliveriesAnswer: {
            /** @description The newest first. */
            deliveries: components["schemas"]["DeliveryView"][];
        };
        /** @description A delivery as HTTP and `--json` show it. */
        DeliveryView: {
            /**
             * Format: int32
             * @description How often it was tried.
             */
            attempts: number;
            /** @description Why the last attempt failed. */
            error?: string | null;
            /**
             * Format: int64
             * @description The event's place in the outbox.
             */
            event_id: number;
            /**
             * Format: int64
             * @description Its number.
             */
            id: number;
            next_at?: components["schemas"]["Instant"] | null;
            /** @description `pending`, `delivered` or `dead`. */
            state: string;
            /**
             * Format: int32
             * @description The status of the endpoint's last response.
             */
            status?: number | null;
            /** @description When that was. */
            updated_at: components["schemas"]["Instant"];
        };
        /** @description What an operation would do. Nothing was changed. */
        DryRunAnswer: components["schemas"]["Preview"] & {
            /** @description Always `true`. */
            dry_run: boolean;
            /** @description The keys. Absent for bulk revocations. */
            keys?: components["schemas"]["KeyView"][] | null;
        };
        /** @description What settings come to for the keys of one kind that are in force. */
        Effect: {
            /**
             * Format: int64
             * @description How many live longer than new ones may. They stay as they are.
             */
            beyond_maximum: number;
            /**
             * Format: int64
             * @description How many are suspended when the job `idle-keys` runs next.
             */
            idle: number;
            /** @description Why none is suspended, however long it was not used. */
            idle_waits?: string | null;
            /** @description `secret`, `publishable` or `admin`. */
            kind: string;
            /**
             * Format: int64
             * @description How many have no owner, if new ones must have one. They stay as they are.
             */
            without_owner: number;
        };
        /** @description An event as HTTP and `--json` show it. */
        EventView: {
            /**
             * @description Who did it, which no caller chooses: an admin key's id, `user@host` of a shell, or the name
             *     of a job. Null for events of before this was noted.
             */
            actor?: string | null;
            /** @description When it was committed. */
            at: components["schemas"]["Instant"];
            /** @description The rest. */
            data: unknown;
            /**
             * @description The digest of this event and all events before it. If you keep it elsewhere, it is an anchor
             *     of the trail.
             */
            digest: string;
            /**
             * Format: int64
             * @description Its place in the outbox.
             */
            id: number;
            /** @description The key that it happened to. */
            key_id?: string | null;
            /** @description The person that the caller named. */
            on_behalf_of?: string | null;
            /** @description The type's name. */
            type: string;
        };
        /** @description A page of events. */
        EventsAnswer: {
            /** @description The events, newest first unless the request has `order=asc`. */
            events: components["schemas"]["EventView"][];
            /** @description The cursor of the next page; null on the last page. */
            next_cursor?: string | null;
            removed?: components["schemas"]["RemovedView"] | null;
        };
        /** @description The criteria for keys, in a query string or an object. */
        Filter: {
            count?: boolean | null;
            created_before?: string | null;
            created_from?: string | null;
            cursor?: string | null;
            environment?: string | null;
            /** @description Ids, separated by commas. */
            id?: string | null;
            kind?: string | null;
            /** Format: int32 */
            limit?: number | null;
            /**
             * @description The principal that created the keys: an admin key's id, which includes keys of the admin
             *     keys that it created, or `user@host` of a shell.
             */
            maker?: string | null;
            order?: string | null;
            /** Format: int32 */
            owner?: number | null;
            /** Format: int32 */
            policy?: number | null;
            purpose?: string | null;
            /**
             * @description The title contains this text, or the redacted form does. If it chooses the keys of an act:
             *     the title.
             */
            q?: string | null;
            revoked_before?: string | null;
            revoked_from?: string | null;
            sales_channel?: string | null;
            state?: string | null;
            title?: string | null;
            token?: string | null;
            updated_before?: string | null;
            updated_from?: string | null;
        };
        IdsBody: {
            ids: string[];
            /** @description The reason, for the audit trail. The settings may require it. */
            reason?: string | null;
        };
        /**
         * Format: date-time
         * @description An instant that is written as RFC 3339 with milliseconds.
         */
        Instant: string;
        /** @description A key. Times are RFC 3339 in UTC. */
        KeyView: {
            /** @description `hmac-sha256-128` or `ed25519`. */
            algorithm?: string | null;
            /** @description The person that the caller named, or else the principal that created the key. */
            created_by?: string | null;
            /** @description `live` or `test`. */
            environment: string;
            /** @description When the key expires; null if it never does. */
            expires_at?: string | null;
            /** @description The public name, `apk_…`. */
            id: string;
            /** @description When the key was issued. */
            issued_at: string;
            /**
             * Format: int32
             * @description The signer.
             */
            kid: number;
            /** @description `secret` or `publishable`. */
            kind: string;
            /** @description The label that the key begins with; empty for none. */
            label: string;
            /** @description When a gate last accepted the key. */
            last_used_at?: string | null;
            /**
             * @description The principal that created the key: an admin key's id, or `user@host` of a shell. Callers
             *     can't choose it. Null for keys from before this field existed.
             */
            maker?: string | null;
            /** @description Any data that you keep with the key. */
            metadata: {
                [key: string]: unknown;
            };
            /**
             * Format: int32
             * @description The owner's number; 0 for none.
             */
            owner: number;
            /**
             * Format: int32
             * @description The policy's number; 0 for none.
             */
            policy: number;
            /** @description `token`, `admin`, or `canary`: a key that nothing accepts, and whose use is an alarm. */
            purpose: string;
            /** @description The token in a shortened form that is safe to show. */
            redacted: string;
            /** @description When the revocation takes effect or took effect. */
            revoked_at?: string | null;
            /** @description The person that the caller named, or else the principal that revoked the key. */
            revoked_by?: string | null;
            /** @description The id of the key that this key replaces. */
            rolled_from?: string | null;
            /** @description Only publishable keys have this field. */
            sales_channels?: string[] | null;
            /** @description The scopes of an admin key. Only admin keys have this field. */
            scopes?: string[] | null;
            /**
             * Format: int64
             * @description The index in the revocation list.
             */
            serial: number;
            /** @description `active`, `scheduled`, `suspended`, `revoked` or `expired`. */
            state: string;
            status?: components["schemas"]["StatusView"] | null;
            /** @description When the key was suspended; null if it is not suspended. */
            suspended_at?: string | null;
            /** @description The person that the caller named, or else the principal that suspended the key. */
            suspended_by?: string | null;
            /** @description A title for people. */
            title: string;
            /** @description The token. Only publishable keys have this field. */
            token?: string | null;
            /** @description When its record was last changed. */
            updated_at: string;
            /**
             * Format: int64
             * @description How often gates have accepted the key, as far as they report it.
             */
            uses: number;
        };
        /** @description A version of the keyring. */
        KeyringVersionView: {
            /** @description When this version was stored. */
            created_at: components["schemas"]["Instant"];
            /**
             * Format: int32
             * @description Its number.
             */
            version: number;
        };
        /** @description The requirements for keys of one kind. */
        KindSettings: {
            /**
             * Format: int32
             * @description The lifetime of a key for which none is named, in seconds.
             */
            default_lifetime_seconds?: number | null;
            /**
             * Format: int32
             * @description A key that has not been used for this many days is suspended: 7 to 365.
             */
            idle_days?: number | null;
            /**
             * Format: int32
             * @description The longest lifetime, in seconds. A request for a key with a longer lifetime, or without an
             *     expiry, is refused.
             */
            max_lifetime_seconds?: number | null;
            /** @description Whether each key must have an owner. */
            owner_required: boolean;
        };
        /**
         * @description The settings to change for one kind of key. A setting that is left out does not change; null
         *     removes it.
         */
        KindSettingsBody: {
            /**
             * Format: int32
             * @description The default lifetime, in seconds.
             */
            default_lifetime_seconds?: number | null;
            /**
             * Format: int32
             * @description A key that has not been used for this many days is suspended: 7 to 365. Not for admin keys.
             */
            idle_days?: number | null;
            /**
             * Format: int32
             * @description The longest lifetime, in seconds.
             */
            max_lifetime_seconds?: number | null;
            /** @description Whether every new key must have an owner. Not for admin keys. */
            owner_required?: boolean | null;
        };
        /** @description The labels of the newest keyring. */
        LabelsView: {
            /** @description The labels; an empty text means no label. The first is the default for new keys. */
            labels: string[];
            /**
             * Format: int32
             * @description The keyring's version.
             */
            version: number;
        };
        /** @description What has become of a line. */
        LineView: {
            /** @description What is wrong with the line. */
            error?: string | null;
            /** @description The id in the other system. */
            external_id?: string | null;
            /** @description The key's id. */
            id?: string | null;
            /**
             * Format: int64
             * @description Its number.
             */
            line: number;
            /**
             * @description `made`; `before` if an earlier import created the key; `deleted` if that key was deleted
             *     since; `bad` if the line is invalid.
             */
            status: string;
            /** @description The key's text. */
            token?: string | null;
        };
        /** @description The published list, and the targets that have it. */
        ListAnswer: components["schemas"]["ListView"] & {
            status_lists?: components["schemas"]["StatusListsView"] | null;
            /** @description The targets. */
            targets: components["schemas"]["TargetView"][];
        };
        /** @description The published list, with its shards. */
        ListView: components["schemas"]["MarkView"] & {
            /** @description Whether the list has expired; verifiers then refuse every key. */
            expired: boolean;
            /** @description The SHA-256 of the head. */
            head: string;
            /**
             * Format: int64
             * @description The id of the newest event that the list includes.
             */
            position: number;
            /** @description The shards in the newest head. */
            shards: components["schemas"]["ShardView"][];
        };
        /** @description A version of the revocation list: the one that a verdict is based on, or the published one. */
        MarkView: {
            /**
             * Format: int64
             * @description The time since `this_update`, in milliseconds.
             */
            age_millis: number;
            /**
             * Format: int32
             * @description The list epoch.
             */
            epoch: number;
            /** @description The list is valid until this time. */
            next_update: components["schemas"]["Instant"];
            /**
             * Format: int64
             * @description The number.
             */
            number: number;
            /** @description The list contains every revocation that was committed before this time. */
            this_update: components["schemas"]["Instant"];
        };
        /** @description An owner. */
        OwnerView: {
            /** @description When it was created. */
            created_at: components["schemas"]["Instant"];
            /** @description The owner's id in another system. */
            external_id?: string | null;
            /** @description Any data that you keep with the owner. */
            metadata: Record<string, never>;
            /** @description A name for people. */
            name: string;
            /**
             * Format: int32
             * @description The number that the owner's keys contain.
             */
            number: number;
            /** @description When it was last updated. */
            updated_at: components["schemas"]["Instant"];
        };
        /** @description A page of owners. */
        OwnersAnswer: {
            /**
             * Format: int32
             * @description The value of `after` for the next page; null on the last page.
             */
            next_after?: number | null;
            /** @description The owners, by their numbers. */
            owners: components["schemas"]["OwnerView"][];
        };
        /** @description A page of keys. */
        PageAnswer: {
            /**
             * Format: int64
             * @description The number of keys on all pages. Present only if the request had `count`.
             */
            count?: number | null;
            /** @description The keys, newest first. */
            keys: components["schemas"]["KeyView"][];
            /** @description The cursor of the next page; null on the last page. */
            next_cursor?: string | null;
        };
        /** @description A page of policies. */
        PoliciesAnswer: {
            /**
             * Format: int32
             * @description The value of `after` for the next page; null on the last page.
             */
            next_after?: number | null;
            /** @description The policies, by their numbers. */
            policies: components["schemas"]["PolicyView"][];
        };
        /** @description A created or updated policy. */
        PolicyAnswer: components["schemas"]["PolicyView"] & components["schemas"]["CommittedAnswer"];
        /** @description A policy that was deleted. */
        PolicyDeletedAnswer: {
            /** @description Always `true`. */
            deleted: boolean;
            /**
             * Format: int32
             * @description The policy's number. No other policy will ever have it.
             */
            number: number;
        } & components["schemas"]["CommittedAnswer"];
        /** @description The rules of a policy. See `docs/policy.md`. */
        PolicyRules: {
            /** @description The networks that clients may call from, such as `192.0.2.0/24`; empty for all. */
            cidrs: string[];
            /** @description The methods that the policy allows; empty for all. */
            methods: string[];
            /** @description The origins that pages may call from; empty for all. */
            origins: string[];
            /** @description The patterns of the paths that the policy allows; empty for all. */
            paths: string[];
            /** @description The rate class. */
            rate_class?: string | null;
            /** @description The sales channels that the policy grants; empty for none. */
            sales_channels: string[];
            /** @description The scopes that the policy grants; empty for none. */
            scopes: string[];
        };
        /** @description A policy. */
        PolicyView: components["schemas"]["PolicyRules"] & {
            /** @description When it was created. */
            created_at: components["schemas"]["Instant"];
            /** @description The id of the publishable key that this policy was created for. */
            key_id?: string | null;
            /** @description A name for people. */
            name: string;
            /**
             * Format: int32
             * @description The number that keys with this policy contain.
             */
            number: number;
            /** @description When it was last updated. */
            updated_at: components["schemas"]["Instant"];
            /** @description `public` or `private`. */
            visibility: string;
        };
        /** @description What an act would do, or has done. */
        Preview: {
            /**
             * Format: int64
             * @description How many of them are admin keys.
             */
            admins: number;
            /**
             * Format: int64
             * @description How many admin keys that can make others are left in force.
             */
            admins_left: number;
            /**
             * Format: int64
             * @description The keys that it ends.
             */
            count: number;
        };
        /** @description An error response: `application/problem+json` (RFC 9457). */
        Problem: {
            code: string;
            detail: string;
            /** @description The keys that prevented the operation, if the request named several. Nothing was changed. */
            keys?: string[];
            /** @description The coarse kind of the error, in the vocabulary of shop back ends. */
            kind: string;
            /** Format: int32 */
            status: number;
            title: string;
            /** @description A URI that names the kind of problem: `tag:portcullis,2026:` and the code. */
            type: string;
        };
        ReasonBody: {
            /** @description The reason, for the audit trail. The settings may require it. */
            reason?: string | null;
        };
        /** @description What was removed from the trail, as HTTP and `--json` show it. */
        RemovedView: {
            /** @description When the last of them were removed. */
            at: components["schemas"]["Instant"];
            /**
             * Format: int64
             * @description How many were removed in all.
             */
            count: number;
            /** @description Its digest, on which the oldest event that is kept is built. */
            digest: string;
            /** @description When that event was committed. */
            last_at: components["schemas"]["Instant"];
            /**
             * Format: int64
             * @description The last event that was removed: all before it were too.
             */
            through: number;
        };
        ReplayBody: {
            /** Format: int64 */
            after?: number | null;
            dead?: boolean;
            /** Format: int64 */
            delivery?: number | null;
        };
        /** @description Deliveries that were queued again. */
        ReplayedAnswer: {
            /**
             * Format: int64
             * @description How many.
             */
            replayed: number;
        };
        RevokeBody: {
            at?: string | null;
            /**
             * @description How to treat a key that is already revoked: `refuse` (409, nothing changes) or `skip`.
             *     Default: `refuse`.
             */
            if_revoked?: string | null;
            /** Format: int64 */
            in_seconds?: number | null;
            /** @description Allow the request to revoke the last admin key that can create others. */
            last_admin?: boolean;
            /** @description The reason, for the audit trail. The settings may require it. */
            reason?: string | null;
            /** @description The person that the caller acts for. The actor in the audit trail is the caller's admin key. */
            revoked_by?: string | null;
        };
        RevokeManyBody: {
            at?: string | null;
            /**
             * Format: int64
             * @description The number of keys that a dry run reported. If it has changed since, nothing is done (409).
             */
            confirm?: number | null;
            /** @description Only report which keys would be revoked. */
            dry_run?: boolean;
            ids?: string[] | null;
            /**
             * @description How to treat keys among `ids` that are already revoked: `refuse` (409 names them, nothing
             *     changes) or `skip`. Default: `refuse`.
             */
            if_revoked?: string | null;
            /** Format: int64 */
            in_seconds?: number | null;
            /** @description Allow the request to revoke the last admin key that can create others. */
            last_admin?: boolean;
            /** @description The reason, for the audit trail. The settings may require it. */
            reason?: string | null;
            /** @description The person that the caller acts for. The actor in the audit trail is the caller's admin key. */
            revoked_by?: string | null;
            where?: components["schemas"]["Filter"] | null;
        };
        /** @description A revoked key. The revocation is committed. */
        RevokedAnswer: components["schemas"]["KeyView"] & components["schemas"]["CommittedAnswer"];
        /** @description Revoked keys. The revocation is committed. */
        RevokedManyAnswer: {
            /** @description The number of keys. */
            count: number;
            /** @description The keys. */
            keys: components["schemas"]["KeyView"][];
            /**
             * @description The ids of the keys that were already revoked and did not change. Present only with
             *     `if_revoked: "skip"`.
             */
            skipped?: string[] | null;
        } & components["schemas"]["CommittedAnswer"];
        /** @description The revoked keys, or the result of a dry run. */
        RevokedManyAnswers: components["schemas"]["RevokedManyAnswer"] | components["schemas"]["DryRunAnswer"];
        RollBody: {
            algorithm?: string | null;
            expires_at?: string | null;
            /** Format: int64 */
            expires_in_seconds?: number | null;
            /** @description The new key's label, or `""` for no label. Default: the old key's label. */
            label?: string | null;
            never_expires?: boolean;
            /** Format: int64 */
            overlap_seconds?: number | null;
            /** Format: int32 */
            owner?: number | null;
            /** Format: int32 */
            policy?: number | null;
            /** @description The reason, for the audit trail. The settings may require it. */
            reason?: string | null;
            rolled_by?: string | null;
        };
        /** @description A key that was rolled. */
        RolledAnswer: {
            /** @description The new key. */
            key: components["schemas"]["KeyView"];
            /** @description The old key. */
            rolled: components["schemas"]["KeyView"];
            /** @description The token. */
            token: string;
        } & components["schemas"]["CommittedAnswer"];
        RotateSecretBody: {
            /** Format: int64 */
            overlap_seconds?: number | null;
        };
        /** @description The issuer's requirements. By default there are none. */
        Settings: {
            /** @description Of admin keys. */
            admin: components["schemas"]["KindSettings"];
            /** @description Of publishable keys. */
            publishable: components["schemas"]["KindSettings"];
            /** @description Whether revoking, suspending, rolling, deleting and undoing need a reason. */
            reason_required: boolean;
            /** @description Of secret keys. */
            secret: components["schemas"]["KindSettings"];
        };
        SettingsBody: {
            admin?: components["schemas"]["KindSettingsBody"] | null;
            /** @description The person that the caller acts for. The actor in the audit trail is the caller's admin key. */
            by?: string | null;
            /** @description Only report the effects of the change. */
            dry_run?: boolean;
            /**
             * Format: int32
             * @description Change the settings only if this is their version; otherwise nothing is done (409).
             */
            if_version?: number | null;
            publishable?: components["schemas"]["KindSettingsBody"] | null;
            /** @description The reason, for the audit trail. */
            reason?: string | null;
            /** @description Whether revoking, suspending, rolling, deleting and undoing require a `reason`. */
            reason_required?: boolean | null;
            secret?: components["schemas"]["KindSettingsBody"] | null;
        };
        /** @description The settings after a change, and their effects. */
        SettingsChangedView: components["schemas"]["SettingsView"] & {
            /** @description The settings before the change. */
            before: components["schemas"]["Settings"];
            /** @description Whether this is a dry run. Present only if it is. */
            dry_run?: boolean;
            /** @description The effects on the existing keys, by kind. */
            effects: components["schemas"]["Effect"][];
        };
        /** @description The issuer's requirements for its keys. */
        SettingsView: {
            /** @description The requirements for admin keys. */
            admin: components["schemas"]["KindSettings"];
            /** @description The requirements for publishable keys. */
            publishable: components["schemas"]["KindSettings"];
            /** @description Whether revoking, suspending, rolling, deleting and undoing require a reason. */
            reason_required: boolean;
            /** @description The requirements for secret keys. */
            secret: components["schemas"]["KindSettings"];
            updated_at?: components["schemas"]["Instant"] | null;
            /**
             * Format: int32
             * @description The number of changes so far.
             */
            version: number;
        };
        /** @description A shard of serials. */
        ShardView: {
            /** @description The SHA-256 of the shard's body; null before it is first published. */
            body?: string | null;
            /**
             * Format: int32
             * @description The length of the shard's body, in bytes.
             */
            body_len: number;
            /**
             * Format: int32
             * @description The number of slots that the list covers.
             */
            capacity: number;
            /**
             * Format: int32
             * @description The number of slots that were assigned to keys.
             */
            issued: number;
            /**
             * Format: int32
             * @description The number of revoked slots.
             */
            revoked: number;
            /**
             * Format: int32
             * @description Its number.
             */
            shard: number;
            /**
             * Format: int32
             * @description The number of slots with a revocation that takes effect at a set time.
             */
            timed: number;
        };
        /** @description A signer of the issuer. */
        SignerView: {
            /** @description `hmac-sha256-128` or `ed25519`. */
            algorithm: string;
            /** @description The environments whose keys it signs. */
            environments: string[];
            /** @description Whether this server's keystore holds the signing key. */
            here: boolean;
            /**
             * Format: int64
             * @description How many of these keys are neither revoked nor expired.
             */
            in_force: number;
            /**
             * Format: int64
             * @description The number of API keys that it has signed.
             */
            keys: number;
            /**
             * Format: int32
             * @description The key id.
             */
            kid: number;
            /** @description The kinds of keys that it signs. */
            kinds: string[];
            /** @description `token`, `admin`, `list`, `status-list` or `assertion`. */
            purpose: string;
            /** @description `next`, `active`, `retiring` or `retired`. */
            state: string;
        };
        /** @description The newest keyring. */
        SignersView: {
            /**
             * @description The labels that keys can have; an empty text means no label. The first is the default for
             *     new keys.
             */
            labels: string[];
            /** @description The keyring is valid until this time. */
            not_after: components["schemas"]["Instant"];
            /** @description The signers, by ascending kid. */
            signers: components["schemas"]["SignerView"][];
            /**
             * Format: int32
             * @description The keyring's version.
             */
            version: number;
            /** @description All versions, newest first. */
            versions: components["schemas"]["KeyringVersionView"][];
        };
        /** @description The Token Status List of a shard. */
        StatusListView: {
            /**
             * Format: int32
             * @description The number of bits for each key: 1, or 2 if the list has a suspended key.
             */
            bits: number;
            /** @description The list is valid until this time. */
            expires_at: components["schemas"]["Instant"];
            /**
             * Format: int32
             * @description The signer.
             */
            kid: number;
            /**
             * Format: int32
             * @description The shard.
             */
            shard: number;
            /** @description The list contains every revocation that was committed before this time. */
            this_update: components["schemas"]["Instant"];
            /** @description The list's URL. */
            uri: string;
        };
        /** @description The published Token Status Lists. */
        StatusListsView: {
            /** @description The URL of the document that names all lists. */
            aggregation_uri: string;
            /** @description The URL of the public keys that verify the lists. */
            jwks_uri: string;
            /** @description The lists, by ascending shard. */
            lists: components["schemas"]["StatusListView"][];
        };
        /** @description An index in a Token Status List. */
        StatusReference: {
            /**
             * Format: int32
             * @description The index.
             */
            idx: number;
            /** @description The list's address. */
            uri: string;
        };
        /** @description The claim `status` of a token (draft-ietf-oauth-status-list). */
        StatusView: {
            /** @description The list and the index in it. */
            status_list: components["schemas"]["StatusReference"];
        };
        /** @description A target, and whether it has a list. */
        TargetView: {
            /** @description Whether the target has the list in question or a later one. */
            carries: boolean;
            /** @description The error of the last attempt to update the target. */
            error?: string | null;
            failing_since?: components["schemas"]["Instant"] | null;
            /** @description `http`, `dir`, `s3` or `kv`. */
            kind: string;
            /** @description Its name. */
            name: string;
            /**
             * Format: int64
             * @description The number of the list that the target has.
             */
            number?: number | null;
            this_update?: components["schemas"]["Instant"] | null;
            /**
             * @description Whether readers of the target see the list at once. In Workers KV, an accepted write can
             *     take a minute or more to become visible everywhere.
             */
            visible: string;
        };
        /** @description A key that was revoked and deleted in one step. */
        UndoneAnswer: components["schemas"]["DeletedAnswer"] & components["schemas"]["CommittedAnswer"];
        /** @description Keys that were revoked and deleted in one step. */
        UndoneManyAnswer: components["schemas"]["DeletedManyAnswer"] & components["schemas"]["CommittedAnswer"];
        /**
         * @description The fields to update. A field that is left out does not change. Null is refused, except within
         *     `metadata`, where it removes a member.
         */
        UpdateKeyBody: {
            metadata?: Record<string, never>;
            sales_channels?: string[];
            title?: string;
            updated_by?: string;
        };
        UpdateOwnerBody: {
            external_id?: string | null;
            metadata?: Record<string, never> | null;
            name?: string | null;
        };
        UpdatePolicyBody: {
            cidrs?: string[] | null;
            methods?: string[] | null;
            name?: string | null;
            origins?: string[] | null;
            paths?: string[] | null;
            rate_class?: string | null;
            sales_channels?: string[] | null;
            scopes?: string[] | null;
            visibility?: string | null;
        };
        UpdateWebhookBody: {
            description?: string | null;
            enabled?: boolean | null;
            types?: string[] | null;
            url?: string | null;
        };
        /** @description A key to update if it has an `id`, otherwise a key to create. */
        UpsertKeyBody: components["schemas"]["ChangeKeyBody"] | components["schemas"]["CreateKeyBody"];
        /** @description The bodies that [`OneOrMany`] reads. */
        UpsertKeysBody: components["schemas"]["UpsertKeyBody"] | components["schemas"]["UpsertKeyBody"][];
        /** @description Keys that one request created and updated. */
        UpsertedAnswer: {
            /** @description The created keys. */
            created: components["schemas"]["CreatedAnswer"][];
            /** @description The updated keys. */
            updated: components["schemas"]["KeyView"][];
        };
        UsageAnswer: {
            /**
             * Format: int64
             * @description The number of reported keys that exist, and of canaries that are not revoked.
             */
            known: number;
        };
        UsageBody: {
            /** @description One entry for each canary that the gate was sent, at most 100. */
            canaries?: components["schemas"]["CanaryBody"][];
            /** @description One entry for each key, at most 1000. */
            uses: components["schemas"]["UseBody"][];
        };
        UseBody: {
            /** @description The key's public name, `apk_…`. */
            key: string;
            /**
             * Format: int32
             * @description When the gate last accepted the key, in seconds since 1970.
             */
            last_used_at: number;
            /**
             * Format: int32
             * @description How often the gate has accepted the key since the last report.
             */
            uses: number;
        };
        /** @description A verdict. */
        VerdictView: {
            /** @description The id of the canary, if the key is one. To everybody else it is a forgery. */
            canary?: string | null;
            /** @description The stable code of the refusal, if the key is refused. */
            code?: string | null;
            key?: components["schemas"]["AcceptedView"] | null;
            list?: components["schemas"]["MarkView"] | null;
            /** @description The refusal as a sentence. */
            message?: string | null;
            /** @description Whether the key is accepted. */
            ok: boolean;
        };
        VerifyBody: {
            environment?: string | null;
            kind?: string | null;
            token: string;
        };
        /** @description An endpoint that was deleted. */
        WebhookDeletedAnswer: {
            /** @description That it is. */
            deleted: boolean;
            /** @description Its id. */
            id: string;
        };
        /** @description An endpoint with its secret, which is returned only when it is new. */
        WebhookSecretAnswer: {
            /** @description `whsec_…`. */
            secret: string;
            /** @description The endpoint. */
            webhook: components["schemas"]["WebhookView"];
        };
        /** @description An endpoint as HTTP and `--json` show it. */
        WebhookView: {
            /** @description When the endpoint was created. */
            created_at: components["schemas"]["Instant"];
            /** @description The person that the caller named, or else the principal that created the endpoint. */
            created_by?: string | null;
            /** @description What people call it. */
            description: string;
            /** @description The reason, if the issuer disabled the endpoint itself. */
            disabled_why?: string | null;
            /** @description Whether anything is sent. */
            enabled: boolean;
            /** @description `whk_…`. */
            id: string;
            old_secret_until?: components["schemas"]["Instant"] | null;
            /**
             * Format: int64
             * @description The newest event for which there are deliveries.
             */
            position: number;
            /** @description The event types that are sent; an empty list means all. */
            types: string[];
            /** @description When it was last changed. */
            updated_at: components["schemas"]["Instant"];
            /** @description Where messages are sent. */
            url: string;
        };
        /** @description All endpoints. */
        WebhooksAnswer: {
            /** @description The newest first. */
            webhooks: components["schemas"]["WebhookView"][];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
